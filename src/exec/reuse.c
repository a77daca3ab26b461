/* Tasks that need not be computed, because their rows are known. They are hashed and folded as if they had been. */
#include <string.h>

#include "exec/exec_private.h"

rk_status rk__exec_load_known(rk__exec *exec, rk_error *err) {
    const rk__exec_reuse *reuse = &exec->options.reuse;
    for (uint64_t i = 0; exec->known != NULL && i < exec->batch_count; i++) {
        bool known = false;
        RK_TRY(reuse->load(reuse->ctx, exec->batch_first + i, exec->rows, i, &known, err));
        exec->known[i] = known;
    }
    return RK_OK;
}

/* Scalars are folded from the author's structs. */
void rk__exec_restore_known(rk__exec *exec) {
    const rk_kernel *kernel = exec->options.kernel;
    for (size_t c = 0; exec->known != NULL && c < exec->columns; c++) {
        const rk__column *column = &exec->options.schema->columns[c];
        if (kernel->outputs[c].is_row || column->varying || !column->keep)
            continue;
        for (uint64_t i = 0; i < exec->batch_count; i++)
            if (exec->known[i])
                memcpy(exec->results + i * exec->results_stride + kernel->outputs[c].offset,
                       (const char *)exec->rows[c] + i * column->row_bytes, column->row_bytes);
    }
}
