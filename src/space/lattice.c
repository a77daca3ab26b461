/* Values of ranges and points, rounded once.
 *
 * Problem. The double of 0.1 is not a tenth, so that 0 + 7 * 0.1 is not the double that "0.7" reads as, and whoever
 * looks for force == 0.7 finds nothing.
 *
 * Idea. What a person writes are decimals: whole numbers over a power of ten. Counted in these whole numbers value i is
 * exact, and one division of two numbers that doubles hold exactly rounds it once (IEEE 754). The decimals are found
 * from the doubles alone, the shortest first, so that a space made again from its canonical text has the same values.
 *
 * Invariant. Value i of a range does not depend on how far the range goes, wherever both ways below are open: both give
 * the double nearest to the same number. */
#include <math.h>

#include "space/space_private.h"

#define WHOLE_MAX 0x1p53 /* all whole numbers up to it are doubles */

/* The whole number that is value * power, if `value` is the double nearest to that number over `power`. */
static bool read_whole(double value, double power, int64_t *out) {
    double whole = rint(value * power);
    if (!(fabs(whole) <= WHOLE_MAX) || whole / power != value)
        return false;
    *out = (int64_t)whole;
    return true;
}

/* Both numbers as decimals with the same number of places, as few as will do; 0: there are none. */
static double read_decimals(double a, double b, int64_t *whole_a, int64_t *whole_b) {
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    for (size_t k = 0; k < sizeof powers / sizeof *powers; k++)
        if (read_whole(a, powers[k], whole_a) && read_whole(b, powers[k], whole_b))
            return powers[k];
    return 0;
}

/* How many values first, first + step, … stay within ±WHOLE_MAX. */
static uint64_t count_within(int64_t first, int64_t step) {
    const int64_t most = (int64_t)WHOLE_MAX;
    int64_t room = step > 0 ? most - first : most + first;
    return (uint64_t)(room / (step > 0 ? step : -step)) + 1;
}

rk__lattice rk__lattice_of_step(double first, double step) {
    rk__lattice l = {0};
    l.divisor = read_decimals(first, step, &l.first, &l.step);
    if (l.divisor == 0 || l.step == 0)
        return (rk__lattice){0};
    l.count = count_within(l.first, l.step);
    return l;
}

/* Evenly from first to last: value i is (first * (gaps - i) + last * i) / gaps. */
static rk__lattice between(double first, double last, uint64_t count) {
    int64_t from, to, gaps = (int64_t)(count - 1);
    double power = read_decimals(first, last, &from, &to);
    if (power == 0)
        return (rk__lattice){0};
    if ((to - from) % gaps == 0)
        return (rk__lattice){from, (to - from) / gaps, power, count};
    double most = fmax(fmax(fabs((double)from), fabs((double)to)), power) * (double)gaps;
    return most <= WHOLE_MAX ? (rk__lattice){from * gaps, to - from, power * (double)gaps, count} : (rk__lattice){0};
}

rk__lattice rk__lattice_of_range(double first, double last, double step, uint64_t count) {
    rk__lattice l = {0};
    if (count > 1 && (last - first) / (double)(count - 1) == step)
        l = between(first, last, count);
    return l.count > 0 ? l : rk__lattice_of_step(first, step);
}
