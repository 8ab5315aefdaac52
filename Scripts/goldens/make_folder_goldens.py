#!/usr/bin/env python3
"""Write the configs that five versions of diffusers save, and what diffusers 0.36 computes from their folders.

    pip install -r requirements.txt
    make_folder_goldens.py FOLDERS Tests/Goldens/folders

FOLDERS is what save_folders.py made of the embedded model, with each of its five versions. In Tests/Goldens/folders:

configs.json         for each version `configs`, the JSON files of its folders by their paths, and `schedulers`, the
                     scheduler_config.json of each scheduler of `NAMES` that the version has
latents.safetensors  the final latents [4, 8, 8] of each of `NAMES` for check_folders.py's request, with the scheduler itself
                     or, where ssd1b does not have it, with EulerDiscreteScheduler made from its config. They are the same
                     for all versions, which is checked.
"""

import argparse
import json
from pathlib import Path

import numpy
import safetensors.numpy

import check_folders
import lined_json

NAMES = ["EulerDiscrete", "EulerDiscrete-karras", "EulerDiscrete-exponential", "EulerDiscrete-beta",
         "EulerDiscrete-trailing", "EulerAncestralDiscrete", "DPMSolverMultistep", "DPMSolverMultistep-karras", "LCM",
         "DDIM", "UniPCMultistep"]
STAND_INS = {"DDIM", "UniPCMultistep"}


def configs(folder):
    """Returns the JSON files of a pipeline's folder by their paths, without schedulers, vocabularies and indices."""
    files = (file for file in sorted(folder.rglob("*.json"))
             if file.parent.name != "scheduler" and file.name not in ("vocab.json", "tokenizer.json")
             and "index" not in file.name.replace("model_index.json", ""))
    return {str(file.relative_to(folder)): json.loads(file.read_text()) for file in files}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    versions, latents = {}, {}
    for version in sorted(path for path in arguments.folders.iterdir() if path.is_dir()):
        schedulers = {}
        for name in NAMES:
            folder = version / f"scheduler-{name}"
            if not folder.exists():
                continue
            schedulers[name] = json.loads((folder / "scheduler/scheduler_config.json").read_text())
            found = check_folders.run_diffusers(folder, name in STAND_INS)[0]
            if not numpy.array_equal(latents.setdefault(name, found), found):
                raise ValueError(f"{version.name} gives other latents for {name}")
        versions[version.name] = {"configs": configs(version / "float32"), "schedulers": schedulers}
    arguments.out.mkdir(parents=True, exist_ok=True)
    lined_json.write(arguments.out / "configs.json", versions, depth=3)
    safetensors.numpy.save_file(latents, arguments.out / "latents.safetensors")


if __name__ == "__main__":
    main()
