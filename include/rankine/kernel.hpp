/* Rankine: the interface for authors of kernels in C++11 and later; header only, nothing to link.
 *
 *     #include <rankine/kernel.hpp>
 *
 *     struct params { double a, b; };
 *     struct result { double y; };
 *
 *     static void run(rk::task &, const params &p, result &r) {
 *         if (p.a < 0)
 *             rk::fail(1, "a=%g: a side is not negative", p.a);
 *         r.y = p.a * p.b;
 *     }
 *
 *     static void describe(rk::kernel<params, result> &k) {
 *         k.summary = "a times b";
 *         k.version = "1";
 *         k.deterministic = true;
 *         k.param("a", &params::a, "1", "m", "first side");
 *         k.param("b", &params::b, "1", "m", "second side");
 *         k.output("y", &result::y, "m2", "area");
 *         k.reduction("y_max", RK_MAX, &result::y);
 *         k.run_by<run>();
 *     }
 *
 *     RK_KERNEL_CPP(mine, describe)
 *
 * rk::kernel is the rk_kernel of <rankine/kernel.h>, where every field is explained, with members to fill it in: types
 * follow from the fields of the two structs, and what is rarely set is set in what the members return:
 *
 *     k.param("n", &params::n, "5", "1", "elements of a row").fixed = true;
 *
 * What the kernel throws becomes the task's failure and its message; nothing thrown leaves the kernel. The structs are
 * plain data, filled with zero bytes before the call: their constructors and destructors do not run. */
#ifndef RANKINE_KERNEL_HPP
#define RANKINE_KERNEL_HPP

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <rankine/kernel.h>

#if defined(__GNUC__) || defined(__clang__)
#define RK_CPP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define RK_CPP_PRINTF(fmt, args)
#endif

namespace rk {

/* ---- failures ---- */

/** A failure with a code (not 0) that the run file keeps; other exceptions have the code RK_EKERNEL. */
class failure : public std::runtime_error {
  public:
    failure(int code, const std::string &message) : std::runtime_error(message), code_(code) {}
    int code() const noexcept { return code_; }

  private:
    int code_;
};

/** Fail the task (the plan) with a code and a message as by printf. */
[[noreturn]] inline void fail(int code, const char *fmt, ...) RK_CPP_PRINTF(2, 3);
inline void fail(int code, const char *fmt, ...) {
    char text[RK_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    std::vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    throw failure(code, text);
}

/* ---- the C type of a field, as Rankine calls it ---- */

namespace detail {

template <class T> struct always_false : std::false_type {};

constexpr rk_type integer_type(std::size_t bytes, bool is_signed) {
    return bytes == 1   ? (is_signed ? RK_I8 : RK_U8)
           : bytes == 2 ? (is_signed ? RK_I16 : RK_U16)
           : bytes == 4 ? (is_signed ? RK_I32 : RK_U32)
                        : (is_signed ? RK_I64 : RK_U64);
}

template <class T, class Enable = void> struct type_of {
    static_assert(always_false<T>::value,
                  "Rankine has no such type: bool, integers of up to 64 bits, float, double; for "
                  "parameters also const char *, an enum of int's size and rk_input");
};
template <> struct type_of<bool> { static constexpr rk_type value = RK_BOOL; };
template <> struct type_of<float> { static constexpr rk_type value = RK_F32; };
template <> struct type_of<double> { static constexpr rk_type value = RK_F64; };
template <> struct type_of<const char *> { static constexpr rk_type value = RK_STRING; };
template <> struct type_of<rk_input> { static constexpr rk_type value = RK_INPUT; };
template <class T>
struct type_of<T, typename std::enable_if<std::is_integral<T>::value && !std::is_same<T, bool>::value>::type> {
    static_assert(sizeof(T) <= 8, "Rankine has integers of up to 64 bits");
    static constexpr rk_type value = integer_type(sizeof(T), std::is_signed<T>::value);
};
template <class T> struct type_of<T, typename std::enable_if<std::is_enum<T>::value>::type> {
    static_assert(sizeof(T) == sizeof(int), "an enum parameter has the size of an int");
    static constexpr rk_type value = RK_ENUM;
};

/* sizeof and address of a field, without a constructor call: the structs are plain data. */
template <class S, class T> std::size_t offset_of(T S::*field) {
    static const S plain = S();
    return static_cast<std::size_t>(reinterpret_cast<const char *>(&(plain.*field)) -
                                    reinterpret_cast<const char *>(&plain));
}

template <class S> struct plain_data {
    static_assert(std::is_standard_layout<S>::value && std::is_trivially_copyable<S>::value,
                  "the structs of parameters and results are plain data: no std::string, no virtual functions");
    static_assert(alignof(S) <= 16, "the structs of parameters and results are aligned to 16 bytes at most");
    static constexpr std::size_t size = sizeof(S);
};

/* What a call of Rankine's returned and told already: passed on to Rankine by the kernel's return value. */
struct told {
    int code;
};

inline void check(int code) {
    if (code != RK_OK)
        throw told{code};
}

} // namespace detail

/* ---- what a task sees ---- */

/** A random stream: see rk_random in <rankine/kernel.h>. Also a generator for <random>, whose distributions give other
 * numbers with another standard library. */
class random {
  public:
    typedef std::uint64_t result_type;
    explicit random(rk_random stream) : stream_(stream) {}
    std::uint64_t u64() { return rk_random_u64(&stream_); }
    /** Uniform on [0, 1). */
    double f64() { return rk_random_f64(&stream_); }
    /** Uniform on 0 ... bound-1 (bound > 0). */
    std::uint64_t below(std::uint64_t bound) { return rk_random_below(&stream_, bound); }
    std::uint64_t operator()() { return u64(); }
    static constexpr std::uint64_t min() { return 0; }
    static constexpr std::uint64_t max() { return (std::numeric_limits<std::uint64_t>::max)(); }

  private:
    rk_random stream_;
};

/** The task, borrowed: `->` reaches the fields of rk_task (task->index, task->replicate, task->place->cores). */
class task {
  public:
    explicit task(rk_task *c) noexcept : c_(c) {}
    rk_task *operator->() const noexcept { return c_; }
    rk_task *c() const noexcept { return c_; }

    rk::random random(std::uint64_t stream = 0) const { return rk::random(rk_random_stream(c_, stream)); }
    /** Append values to the output number `output`, in the order of the description: see rk_emit. */
    template <class T> void emit(std::uint32_t output, const T *values, std::size_t count) {
        static_assert(std::is_arithmetic<T>::value, "numbers and bool can be emitted");
        detail::check(rk_emit(c_, output, values, count));
    }
    template <class T> void emit(std::uint32_t output, const T &value) { emit(output, &value, 1); }
    /** Text, for an output varying<unsigned char>. */
    void emit(std::uint32_t output, const std::string &text) { emit(output, text.data(), text.size()); }
    /** Feed values into the reduction number `reduction`: see rk_accumulate. */
    void accumulate(std::uint32_t reduction, const double *values, std::size_t count, std::uint64_t first_index = 0) {
        rk_accumulate(c_, reduction, values, count, first_index);
    }
    /** This task's own state of a custom reduction: see rk_task_state. */
    template <class State> State &state(std::uint32_t reduction) {
        return *static_cast<State *>(rk_task_state(c_, reduction));
    }
    double exact_sum(const double *values, std::size_t count) const { return rk_exact_sum(c_, values, count); }

  private:
    rk_task *c_;
};

/** Consecutive tasks for a kernel with a whole-block form: see rk_batch. What it throws fails all of them; one alone
 * fails by rk_task_fail(batch.task(i).c(), ...). */
template <class Params, class Result> class batch {
  public:
    explicit batch(rk_batch *c) noexcept : c_(c) {}
    std::uint64_t size() const noexcept { return c_->count; }
    rk::task task(std::uint64_t i) const { return rk::task(rk_batch_task(c_, i)); }
    const Params &params(std::uint64_t i) const {
        return *static_cast<const Params *>(static_cast<const void *>(c_->params + i * c_->params_stride));
    }
    Result &result(std::uint64_t i) const {
        return *static_cast<Result *>(static_cast<void *>(c_->results + i * c_->result_stride));
    }

  private:
    rk_batch *c_;
};

/** A plan: the axes and dimensions that the kernel makes of its unswept parameters. rk::fail refuses these. */
class plan {
  public:
    explicit plan(rk_plan *c) noexcept : c_(c) {}
    /** An axis of `count` tasks; step != 0: with the coordinates first + i*step. */
    void axis(const char *name, std::uint64_t count, double first = 0, double step = 0, const char *unit = nullptr,
              const char *help = nullptr) {
        detail::check(rk_plan_axis(c_, name, count, first, step, unit, help));
    }
    /** A size that shapes of rows may name. */
    void dimension(const char *name, std::uint64_t size) { detail::check(rk_plan_dimension(c_, name, size)); }

  private:
    rk_plan *c_;
};

/* ---- the boundary: nothing thrown crosses it ---- */

namespace detail {

/* Call, and tell what is thrown by tell(code, message), which returns what goes back to Rankine. */
template <class Call, class Tell> int guarded(const Call &call, const Tell &tell) noexcept {
    try {
        call();
        return RK_OK;
    } catch (const told &t) {
        return t.code;
    } catch (const failure &f) {
        return tell(f.code(), f.what());
    } catch (const std::exception &e) {
        return tell(RK_EKERNEL, e.what());
    } catch (...) {
        return tell(RK_EKERNEL, "the kernel threw something that is no std::exception");
    }
}

template <class P, class R, void (*Run)(task &, const P &, R &)>
int call_run(rk_task *c, const void *params, void *result) {
    task t(c);
    return guarded([&] { Run(t, *static_cast<const P *>(params), *static_cast<R *>(result)); },
                   [&](int code, const char *text) { return rk_task_fail(c, code, "%s", text); });
}

template <class P, class R, void (*Run)(batch<P, R> &)> int call_batch(rk_batch *c) {
    batch<P, R> b(c);
    return guarded([&] { Run(b); },
                   [&](int code, const char *text) {
                       for (std::uint64_t i = 0; i < c->count; i++)
                           (void)rk_task_fail(rk_batch_task(c, i), code, "%s", text);
                       return code != RK_OK ? code : static_cast<int>(RK_EKERNEL);
                   });
}

template <class P, void (*Plan)(plan &, const P &)> int call_plan(rk_plan *c, const void *params) {
    plan p(c);
    return guarded([&] { Plan(p, *static_cast<const P *>(params)); },
                   [&](int, const char *text) { return rk_plan_fail(c, "%s", text); });
}

template <class State, void (*Merge)(State &, const State &)> void call_merge(void *left, const void *right) noexcept {
    Merge(*static_cast<State *>(left), *static_cast<const State *>(right));
}

template <class State, void (*Finish)(const State &, double *)>
void call_finish(const void *state, double *out) noexcept {
    Finish(*static_cast<const State *>(state), out);
}

} // namespace detail

/* ---- the description ---- */

template <class Params, class Result> class kernel : public rk_kernel {
  public:
    explicit kernel(const char *id) : rk_kernel() {
        magic = RK_KERNEL_MAGIC;
        abi = RK_KERNEL_ABI;
        size = sizeof(rk_kernel);
        name = id;
        params_size = detail::plain_data<Params>::size;
        result_size = detail::plain_data<Result>::size;
    }

    /** A parameter; preset nullptr: it must be given. Further: .choices (enums: needed), .fixed. */
    template <class T>
    rk_param &param(const char *id, T Params::*field, const char *preset, const char *unit = nullptr,
                    const char *help = nullptr) {
        rk_param &p = slot(params, RK_PARAMS_MAX, n_params_, id, "more than 48 parameters");
        p.offset = detail::offset_of(field);
        p.size = sizeof(T);
        p.type = detail::type_of<T>::value;
        p.preset = preset;
        p.unit = unit;
        p.help = help;
        return p;
    }

    /** A number per task. Further: .fill, .drop, .always, .measured. */
    template <class T>
    rk_output &output(const char *id, T Result::*field, const char *unit = nullptr, const char *help = nullptr) {
        return add_output<T>(id, detail::offset_of(field), unit, help);
    }

    /** An array per task, which the field points at during the call. Each dimension is an integer parameter's name, a
     * planned dimension's, or a number. */
    template <class T>
    rk_output &row(const char *id, T *Result::*field, std::initializer_list<const char *> shape,
                   const char *unit = nullptr, const char *help = nullptr) {
        rk_output &o = add_output<T>(id, detail::offset_of(field), unit, help);
        o.is_row = true;
        std::size_t dims = 0;
        for (const char *dimension : shape) {
            if (dims == RK_DIMS_MAX) {
                o.name = "a row of more than 4 dimensions"; /* no identifier: refused by this name when loaded */
                break;
            }
            o.shape[dims++] = dimension;
        }
        return o;
    }

    /** Any number of values per task: see task::emit. */
    template <class T> rk_output &varying(const char *id, const char *unit = nullptr, const char *help = nullptr) {
        rk_output &o = add_output<T>(id, 0, unit, help);
        o.size = 0;
        o.varying = true;
        return o;
    }

    /** A reduction over an output that was described before. Further: .lo, .hi, .bins; .unit, .help. */
    template <class T> rk_reduction &reduction(const char *id, rk_op op, T Result::*field) {
        rk_reduction &r = reduction(id, op);
        r.output = output_at(detail::offset_of(field));
        return r;
    }

    /** A reduction that task::accumulate feeds. */
    rk_reduction &reduction(const char *id, rk_op op) {
        rk_reduction &r = slot(reduce, RK_REDUCTIONS_MAX, n_reductions_, id, "more than 32 reductions");
        r.op = op;
        return r;
    }

    /** A reduction with a state of its own (task::state): see RK_CUSTOM. These functions must not throw. */
    template <class State, void (*Merge)(State &left, const State &right), void (*Finish)(const State &, double *out)>
    rk_reduction &reduction_by(const char *id, std::uint64_t values) {
        rk_reduction &r = reduction(id, RK_CUSTOM);
        r.state_bytes = detail::plain_data<State>::size;
        r.merge = detail::call_merge<State, Merge>;
        r.finish = detail::call_finish<State, Finish>;
        r.values = values;
        return r;
    }

    /** What computes a task, or a batch of tasks. */
    template <void (*Run)(task &, const Params &, Result &)> void run_by() {
        run = detail::call_run<Params, Result, Run>;
    }
    template <void (*Run)(batch<Params, Result> &)> void run_by() {
        run_batch = detail::call_batch<Params, Result, Run>;
    }
    template <void (*Plan)(rk::plan &, const Params &)> void plan_by() { plan = detail::call_plan<Params, Plan>; }

  private:
    std::size_t n_params_ = 0, n_outputs_ = 0, n_reductions_ = 0;

    /* One more than there is room for replaces the last by a name that is none: refused, by this name, when loaded. */
    template <class Item>
    static Item &slot(Item *items, std::size_t room, std::size_t &count, const char *id, const char *overflow) {
        bool full = count == room;
        Item &item = items[full ? room - 1 : count++];
        item = Item();
        item.name = full ? overflow : id;
        return item;
    }

    template <class T> rk_output &add_output(const char *id, std::size_t offset, const char *unit, const char *help) {
        static_assert(std::is_arithmetic<T>::value, "an output is a number or a bool; an array of them is a row()");
        rk_output &o = slot(outputs, RK_OUTPUTS_MAX, n_outputs_, id, "more than 32 outputs");
        o.offset = offset;
        o.size = sizeof(T);
        o.type = detail::type_of<T>::value;
        o.unit = unit;
        o.help = help;
        return o;
    }

    const char *output_at(std::size_t offset) const {
        for (std::size_t i = 0; i < n_outputs_; i++)
            if (!outputs[i].varying && outputs[i].offset == offset)
                return outputs[i].name;
        return "a field that was not described before";
    }
};

namespace detail {

/* An exception of the description leaves no kernel: that is told when the shared object is loaded. */
template <class P, class R> rk_kernel described(const char *id, void (*describe)(kernel<P, R> &)) noexcept {
    try {
        kernel<P, R> k(id);
        describe(k);
        return k;
    } catch (...) {
        return rk_kernel();
    }
}

} // namespace detail
} // namespace rk

/* Defines the kernel `id` and, unless RK_KERNEL_LINKED is defined before this header is included, the entry of a shared
 * object. In a program that is linked with it: extern "C" const rk_kernel rk_kernel_<id>. */
#define RK_KERNEL_CPP(id, describe)                                                                                    \
    extern "C" {                                                                                                       \
    extern const rk_kernel rk_kernel_##id;                                                                             \
    const rk_kernel rk_kernel_##id = rk::detail::described(#id, describe);                                             \
    RK_KERNEL_ENTRY(rk_kernel_##id)                                                                                    \
    }

#endif
