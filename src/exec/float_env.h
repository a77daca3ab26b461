/* The floating-point environment: rounding, flush-to-zero, exceptions. A kernel, or an object that it loads (anything
 * built with -Ofast), may change it for the whole process; then later tasks would have other bits. */
#ifndef RANKINE_FLOAT_ENV_H
#define RANKINE_FLOAT_ENV_H

#include <fenv.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <xmmintrin.h>
#define RK__MXCSR_CONTROL 0xffc0u /* all but the sticky exception flags */
#endif

typedef struct rk__float_env {
    fenv_t all;
    unsigned control;
} rk__float_env;

static inline unsigned rk__float_control(void) {
#ifdef RK__MXCSR_CONTROL
    return _mm_getcsr() & RK__MXCSR_CONTROL;
#else
    return 0;
#endif
}

static inline void rk__float_env_save(rk__float_env *env) {
    fegetenv(&env->all);
    env->control = rk__float_control();
}

/* Reading the control word takes a nanosecond, loading the environment fifty: only load what was changed. The x87 word
 * is not looked at: C arithmetic on x86-64 does not use it but for long double. */
static inline void rk__float_env_restore(const rk__float_env *env) {
#ifdef RK__MXCSR_CONTROL
    if (rk__float_control() == env->control)
        return;
#endif
    fesetenv(&env->all);
}

#endif
