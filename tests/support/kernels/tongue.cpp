// All that a kernel can do, in C++: the same as tongue.c, to the bit.
#include <cstring>

#include <rankine/kernel.hpp>

namespace {

enum class tint : int { red, green };

struct params {
    double f64;
    float f32;
    std::int8_t i8;
    std::int16_t i16;
    std::int32_t i32;
    long long i64;
    bool flag;
    tint colour;
    const char *word;
    std::int32_t n;
};

struct result {
    double y;
    std::int64_t below;
    float single;
    short letters;
    bool other;
    double *wave;
};

struct state {
    double largest;
    std::int64_t count;
};

void merge(state &l, const state &r) {
    l.largest = r.count > 0 && (l.count == 0 || r.largest > l.largest) ? r.largest : l.largest;
    l.count += r.count;
}

void finish(const state &s, double *out) {
    out[0] = s.largest;
    out[1] = static_cast<double>(s.count);
}

void plan(rk::plan &plan, const params &p) {
    if (p.n < 1)
        rk::fail(1, "n=%d: at least 1", p.n);
    plan.axis("station", 4, 10, 0.5, "km", "where");
    plan.dimension("width", static_cast<std::uint64_t>(p.n));
}

// Words that have this kernel throw.
void misbehave(rk::task &task, const std::string &word) {
    if (word == "out of range")
        (void)word.at(100);
    if (word == "number")
        throw 7;
    if (word == "wrong output")
        task.emit(0, 1.0);
}

void run(rk::task &task, const params &p, result &r) {
    misbehave(task, p.word);
    rk::random random = task.random(7);
    const std::size_t count = 2 * static_cast<std::size_t>(p.n);
    if (task->plan_index == 2 && p.colour == tint::green)
        rk::fail(5, "station %d is closed", static_cast<int>(task->plan_index));
    for (std::size_t i = 0; i < count; i++)
        r.wave[i] = random.f64();
    r.y = task.exact_sum(r.wave, count) + p.f64 * p.i32 + static_cast<double>(p.i64);
    r.below = static_cast<std::int64_t>(random.below(6000000000000000003u));
    r.below += static_cast<std::int64_t>(random.below(6));
    r.single = p.f32 * static_cast<float>(p.i8);
    r.letters = static_cast<short>(p.i16 + static_cast<short>(std::strlen(p.word)));
    r.other = !p.flag;
    task.state<state>(3) = state{r.y, 1};
    task.accumulate(1, r.wave, count);
    task.accumulate(2, r.wave, count, 100 * task->index);
    task.emit(6, r.wave, static_cast<std::size_t>(task->plan_index));
    task.emit(7, std::string(p.word));
}

void describe(rk::kernel<params, result> &k) {
    k.summary = "all that a kernel can do";
    k.version = "1";
    k.deterministic = true;
    k.thread_safe = true;
    k.param("f64", &params::f64, "1.5", "m", "a double");
    k.param("f32", &params::f32, "0.1", "1", "a float");
    k.param("i8", &params::i8, "-3", "1", "i8");
    k.param("i16", &params::i16, "300", "1", "i16");
    k.param("i32", &params::i32, "-70000", "1", "i32");
    k.param("i64", &params::i64, "5000000000", "1", "i64");
    k.param("flag", &params::flag, "no", "1", "a bool");
    k.param("colour", &params::colour, "red", "1", "a choice").choices = "red|green";
    k.param("word", &params::word, "hello", "1", "a string");
    k.param("n", &params::n, "3", "1", "width of the wave").fixed = true;
    k.output("y", &result::y, "m", "a sum");
    k.output("below", &result::below, "1", "two dice");
    k.output("single", &result::single, "1", "a product");
    k.output("letters", &result::letters, "1", "a length").fill = "-1";
    k.output("other", &result::other, "1", "the other way round");
    k.row("wave", &result::wave, {"width", "2"}, "1", "random");
    k.varying<double>("times", "s", "some of the wave");
    k.varying<unsigned char>("text", "1", "the word");
    k.reduction("y_max", RK_MAX, &result::y);
    k.reduction("own_sum", RK_SUM).unit = "1";
    rk_reduction &highest = k.reduction("highest", RK_TOPK);
    highest.unit = "1";
    highest.bins = "n";
    k.reduction_by<state, merge, finish>("largest", 2);
    k.plan_by<plan>();
    k.run_by<run>();
}

} // namespace

RK_KERNEL_CPP(tongue, describe)
