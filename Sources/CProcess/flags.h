#pragma once
#include <stdbool.h>

// What the files of this target share.

// Raises the stop flag; safe in a signal handler.
void flags_stop(void);
// Lowers the stop flag unless there is still a reason for it.
void flags_settle(void);
// Whether a mapping was lost that cprocess_take_lost_mapping has not reported.
bool mapping_loss_is_pending(void);
