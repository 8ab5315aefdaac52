#define CK_LOOPS ck_loops_baseline
#include "loops_body.h"
