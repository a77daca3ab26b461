// The two-dimensional Ising model at a temperature: see README.md.
#include <cmath>
#include <cstdint>
#include <vector>

#include <rankine/kernel.hpp>

namespace {

enum class algorithm : int { metropolis, wolff };

struct params {
    double temperature;
    std::uint32_t size;
    std::uint64_t sweeps, settle;
    algorithm update;
};

struct result {
    double energy, energy_error, heat_capacity, magnetisation, energy_infinite;
};

// Spins of +1 and -1 on a square that continues periodically.
class lattice {
  public:
    lattice(std::uint32_t size, double beta, rk::random random)
        : n_(size), beta_(beta), bond_(1 - std::exp(-2 * beta)), random_(random),
          spins_(static_cast<std::size_t>(size) * size, 1) {}

    // Every spin is offered once, in order, to be turned. Cheap where clusters are small.
    void metropolis_sweep() {
        const double accept[2] = {std::exp(-4 * beta_), std::exp(-8 * beta_)};
        for (std::size_t i = 0; i < spins_.size(); i++) {
            const int cost = spins_[i] * field(i); // the energy grows by twice that
            if (cost <= 0 || random_.f64() < accept[cost / 2 - 1])
                spins_[i] = static_cast<signed char>(-spins_[i]);
        }
    }

    // Turn `clusters` clusters; returns how many spins they had.
    std::size_t wolff(std::uint64_t clusters) {
        std::size_t turned = 0;
        for (std::uint64_t i = 0; i < clusters; i++)
            turned += turn_cluster(static_cast<std::size_t>(random_.below(spins_.size())));
        return turned;
    }

    std::size_t spins() const { return spins_.size(); }

    // Over bonds to the right and down, each once.
    std::int64_t energy() const {
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < spins_.size(); i++)
            sum -= spins_[i] * (spins_[right(i)] + spins_[below(i)]);
        return sum;
    }

    std::int64_t magnetisation() const {
        std::int64_t sum = 0;
        for (signed char spin : spins_)
            sum += spin;
        return sum;
    }

  private:
    std::size_t n_;
    double beta_, bond_;
    rk::random random_;
    std::vector<signed char> spins_;
    std::vector<std::size_t> stack_;

    std::size_t right(std::size_t i) const { return i % n_ == n_ - 1 ? i + 1 - n_ : i + 1; }
    std::size_t left(std::size_t i) const { return i % n_ == 0 ? i + n_ - 1 : i - 1; }
    std::size_t below(std::size_t i) const { return i + n_ < spins_.size() ? i + n_ : i + n_ - spins_.size(); }
    std::size_t above(std::size_t i) const { return i >= n_ ? i - n_ : i + spins_.size() - n_; }
    int field(std::size_t i) const { return spins_[right(i)] + spins_[left(i)] + spins_[below(i)] + spins_[above(i)]; }

    std::size_t turn_cluster(std::size_t seed) {
        const signed char old = spins_[seed];
        std::size_t turned = 1;
        spins_[seed] = static_cast<signed char>(-old);
        stack_.assign(1, seed);
        while (!stack_.empty()) {
            const std::size_t i = stack_.back();
            stack_.pop_back();
            const std::size_t neighbours[] = {right(i), left(i), below(i), above(i)};
            for (std::size_t j : neighbours) {
                if (spins_[j] != old || random_.f64() >= bond_)
                    continue;
                spins_[j] = static_cast<signed char>(-old);
                stack_.push_back(j);
                turned++;
            }
        }
        return turned;
    }
};

// Sweeps that do not count, of the way of turning spins that is asked for; returns the clusters of a sweep that counts.
// Their number must not depend on what they turn (to stop when enough spins are turned prefers states of large
// clusters): it is fixed here, to turn as many spins as there are on average.
std::uint64_t settle(lattice &l, const params &p) {
    std::uint64_t clusters = 0, turned = 0;
    for (std::uint64_t i = 0; i < p.settle && p.update == algorithm::metropolis; i++)
        l.metropolis_sweep();
    for (; p.update == algorithm::wolff && turned < p.settle * l.spins(); clusters++)
        turned += l.wolff(1);
    return clusters < p.settle || p.settle == 0 ? 1 : clusters / p.settle;
}

// The mean of a series and its standard error from the spread of the means of 32 parts, each long against the
// correlation of the series.
struct series_mean {
    double mean, error;
};

series_mean mean_of(const std::vector<double> &values) {
    constexpr std::size_t parts = 32;
    const std::size_t length = values.size() / parts;
    double mean = 0, spread = 0, means[parts];
    for (std::size_t p = 0; p < parts; p++) {
        double sum = 0;
        for (std::size_t i = p * length; i < (p + 1) * length; i++)
            sum += values[i];
        means[p] = sum / static_cast<double>(length);
        mean += means[p] / parts;
    }
    for (double part : means)
        spread += (part - mean) * (part - mean);
    return {mean, std::sqrt(spread / (parts * (parts - 1)))};
}

// Complete elliptic integral of the first kind, by the arithmetic-geometric mean.
double elliptic_k(double modulus) {
    double a = 1, g = std::sqrt(1 - modulus * modulus);
    for (int i = 0; i < 40; i++) {
        const double mean = (a + g) / 2;
        g = std::sqrt(a * g);
        a = mean;
    }
    return 3.14159265358979323846 / (a + g);
}

// Onsager's energy per spin of the infinite lattice.
double onsager(double beta) {
    const double k = 2 * std::sinh(2 * beta) / (std::cosh(2 * beta) * std::cosh(2 * beta));
    const double tanh2 = std::tanh(2 * beta);
    const double factor = 2 * tanh2 * tanh2 - 1; // 0 at the critical temperature, where K diverges
    const double pole = k < 1 ? factor * elliptic_k(k) : 0;
    return -(1 + 2 / 3.14159265358979323846 * pole) / tanh2;
}

void run(rk::task &task, const params &p, result &r) {
    if (!(p.temperature > 0) || p.size < 2 || p.sweeps < 32)
        rk::fail(1, "temperature=%g size=%u sweeps=%llu: a temperature above 0, a size of 2 and 32 sweeps at least",
                 p.temperature, p.size, static_cast<unsigned long long>(p.sweeps));
    const double beta = 1 / p.temperature, spins = static_cast<double>(p.size) * p.size;
    lattice l(p.size, beta, task.random());
    std::vector<double> energy, square, magnetisation;
    const std::uint64_t clusters = settle(l, p);
    for (std::uint64_t i = 0; i < p.sweeps; i++) {
        if (p.update == algorithm::wolff)
            l.wolff(clusters);
        else
            l.metropolis_sweep();
        const double e = static_cast<double>(l.energy());
        energy.push_back(e / spins);
        square.push_back(e * e / spins);
        magnetisation.push_back(std::fabs(static_cast<double>(l.magnetisation())) / spins);
    }
    const series_mean e = mean_of(energy);
    r.energy = e.mean;
    r.energy_error = e.error;
    r.heat_capacity = beta * beta * (mean_of(square).mean - spins * e.mean * e.mean);
    r.magnetisation = mean_of(magnetisation).mean;
    r.energy_infinite = onsager(beta);
}

void describe(rk::kernel<params, result> &k) {
    k.summary = "two-dimensional Ising model: energy and magnetisation at a temperature";
    k.version = "1";
    k.deterministic = true;
    k.thread_safe = true;
    k.param("temperature", &params::temperature, "2.269185314213022", "1", "kT/J; the default is critical");
    k.param("size", &params::size, "32", "1", "spins along a side of the periodic square");
    k.param("sweeps", &params::sweeps, "4000", "1", "sweeps that count, 32 or more");
    k.param("settle", &params::settle, "400", "1", "sweeps before them, from all spins up");
    k.param("update", &params::update, "wolff", nullptr, "how spins are turned").choices = "metropolis|wolff";
    k.output("energy", &result::energy, "1", "energy per spin, over J");
    k.output("energy_error", &result::energy_error, "1", "its standard error");
    k.output("heat_capacity", &result::heat_capacity, "1", "heat capacity per spin, over the Boltzmann constant");
    k.output("magnetisation", &result::magnetisation, "1", "mean of the absolute magnetisation per spin");
    k.output("energy_infinite", &result::energy_infinite, "1", "Onsager's energy per spin of the infinite lattice");
    k.reduction("heat_capacity_max", RK_MAX, &result::heat_capacity);
    k.reduction("heat_capacity_argmax", RK_ARGMAX, &result::heat_capacity);
    k.run_by<run>();
}

} // namespace

RK_KERNEL_CPP(ising, describe)
