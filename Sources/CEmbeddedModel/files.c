// The embedded model's files, as constants of the program: it finds them wherever its binary is moved.
#include "CEmbeddedModel.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char model_index_json[] = {
#embed "model/model_index.json"
};
static const unsigned char scheduler_scheduler_config_json[] = {
#embed "model/scheduler/scheduler_config.json"
};
static const unsigned char start_values_json[] = {
#embed "model/start_values.json"
};
static const unsigned char text_encoder_config_json[] = {
#embed "model/text_encoder/config.json"
};
static const unsigned char text_encoder_model_fp16_safetensors[] = {
#embed "model/text_encoder/model.fp16.safetensors"
};
static const unsigned char text_encoder_2_config_json[] = {
#embed "model/text_encoder_2/config.json"
};
static const unsigned char text_encoder_2_model_fp16_safetensors[] = {
#embed "model/text_encoder_2/model.fp16.safetensors"
};
static const unsigned char tokenizer_merges_txt[] = {
#embed "model/tokenizer/merges.txt"
};
static const unsigned char tokenizer_special_tokens_map_json[] = {
#embed "model/tokenizer/special_tokens_map.json"
};
static const unsigned char tokenizer_tokenizer_config_json[] = {
#embed "model/tokenizer/tokenizer_config.json"
};
static const unsigned char tokenizer_vocab_json[] = {
#embed "model/tokenizer/vocab.json"
};
static const unsigned char tokenizer_2_merges_txt[] = {
#embed "model/tokenizer_2/merges.txt"
};
static const unsigned char tokenizer_2_special_tokens_map_json[] = {
#embed "model/tokenizer_2/special_tokens_map.json"
};
static const unsigned char tokenizer_2_tokenizer_config_json[] = {
#embed "model/tokenizer_2/tokenizer_config.json"
};
static const unsigned char tokenizer_2_vocab_json[] = {
#embed "model/tokenizer_2/vocab.json"
};
static const unsigned char unet_config_json[] = {
#embed "model/unet/config.json"
};
static const unsigned char unet_diffusion_pytorch_model_fp16_safetensors[] = {
#embed "model/unet/diffusion_pytorch_model.fp16.safetensors"
};
static const unsigned char vae_config_json[] = {
#embed "model/vae/config.json"
};
static const unsigned char vae_diffusion_pytorch_model_fp16_safetensors[] = {
#embed "model/vae/diffusion_pytorch_model.fp16.safetensors"
};

static const embedded_file files[] = {
    {"model_index.json", model_index_json, sizeof model_index_json},
    {"scheduler/scheduler_config.json", scheduler_scheduler_config_json, sizeof scheduler_scheduler_config_json},
    {"start_values.json", start_values_json, sizeof start_values_json},
    {"text_encoder/config.json", text_encoder_config_json, sizeof text_encoder_config_json},
    {"text_encoder/model.fp16.safetensors", text_encoder_model_fp16_safetensors, sizeof text_encoder_model_fp16_safetensors},
    {"text_encoder_2/config.json", text_encoder_2_config_json, sizeof text_encoder_2_config_json},
    {"text_encoder_2/model.fp16.safetensors", text_encoder_2_model_fp16_safetensors, sizeof text_encoder_2_model_fp16_safetensors},
    {"tokenizer/merges.txt", tokenizer_merges_txt, sizeof tokenizer_merges_txt},
    {"tokenizer/special_tokens_map.json", tokenizer_special_tokens_map_json, sizeof tokenizer_special_tokens_map_json},
    {"tokenizer/tokenizer_config.json", tokenizer_tokenizer_config_json, sizeof tokenizer_tokenizer_config_json},
    {"tokenizer/vocab.json", tokenizer_vocab_json, sizeof tokenizer_vocab_json},
    {"tokenizer_2/merges.txt", tokenizer_2_merges_txt, sizeof tokenizer_2_merges_txt},
    {"tokenizer_2/special_tokens_map.json", tokenizer_2_special_tokens_map_json, sizeof tokenizer_2_special_tokens_map_json},
    {"tokenizer_2/tokenizer_config.json", tokenizer_2_tokenizer_config_json, sizeof tokenizer_2_tokenizer_config_json},
    {"tokenizer_2/vocab.json", tokenizer_2_vocab_json, sizeof tokenizer_2_vocab_json},
    {"unet/config.json", unet_config_json, sizeof unet_config_json},
    {"unet/diffusion_pytorch_model.fp16.safetensors", unet_diffusion_pytorch_model_fp16_safetensors, sizeof unet_diffusion_pytorch_model_fp16_safetensors},
    {"vae/config.json", vae_config_json, sizeof vae_config_json},
    {"vae/diffusion_pytorch_model.fp16.safetensors", vae_diffusion_pytorch_model_fp16_safetensors, sizeof vae_diffusion_pytorch_model_fp16_safetensors},
};

size_t embedded_file_count(void) { return sizeof files / sizeof *files; }
const embedded_file *embedded_file_at(size_t index) { return &files[index]; }
