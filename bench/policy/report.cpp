// SPDX-License-Identifier: Apache-2.0
#include "policy/report.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "figures.hpp"

namespace cgmm::bench::policy {
namespace {

constexpr double kMiB = 1 << 20, kGiB = 1 << 30;

/// One workload under one policy, compared with nobody looking after it in the same run.
struct Compared {
  double kept_free_mib = 0, reread_mib = 0, mean_us = 0, mean_ratio = 0, p99_us = 0, p99_ratio = 0, per_second = 0,
         cpu_s = 0, reclaims = -1, freed_mib = -1;
};

/// Not "-0.0", which is noise around nothing.
std::string plain(double value, int digits) {
  const std::string text = fixed(value, digits);
  return text.find_first_not_of("-0.") == std::string::npos ? fixed(0, digits) : text;
}

double ratio(double a, double b) { return b > 0 ? a / b : 0; }

double mean_usage(const Result& result) {
  double sum = 0;
  for (const std::uint64_t bytes : result.usage_bytes) sum += static_cast<double>(bytes);
  return ratio(sum, static_cast<double>(result.usage_bytes.size()));
}

Compared compare(const Run& run, const Result& result, const std::string& with) {
  const Result& none = run.of(result.workload, with);
  Compared compared;
  compared.kept_free_mib = (mean_usage(none) - mean_usage(result)) / kMiB;
  compared.reread_mib = static_cast<double>(result.read_bytes - none.read_bytes) / kMiB;
  compared.mean_us = result.mean_ns / 1e3;
  compared.mean_ratio = ratio(result.mean_ns, none.mean_ns);
  compared.p99_us = result.p99_ns / 1e3;
  compared.p99_ratio = ratio(result.p99_ns, none.p99_ns);
  compared.per_second = static_cast<double>(result.operations) / result.seconds;
  compared.cpu_s = static_cast<double>(result.cpu_us) / 1e6;
  compared.reclaims = static_cast<double>(result.done.reclaims);
  if (result.done.freed_bytes >= 0) compared.freed_mib = static_cast<double>(result.done.freed_bytes) / kMiB;
  return compared;
}

/// The same of several runs.
class Cell {
 public:
  Cell(const Settings& settings, const std::vector<Run>& runs, const std::string& workload, const std::string& policy) {
    for (const Run& run : runs) {
      compared_.push_back(compare(run, run.of(workload, policy), settings.policies.front()));
    }
  }

  Measured of(double Compared::* number) const {
    Measured measured;
    for (const Compared& one : compared_) measured.add(one.*number);
    return measured;
  }
  double mean(double Compared::* number) const { return of(number).mean(); }
  /// With the least and the most, where there are several runs.
  std::string text(double Compared::* number, int digits) const {
    return compared_.size() == 1 ? plain(mean(number), digits) : spread(of(number), 1, digits);
  }
  std::string count(double Compared::* number) const { return mean(number) < 0 ? "-" : fixed(mean(number), 0); }

 private:
  std::vector<Compared> compared_;
};

std::string table_of_workload(const Settings& settings, const std::vector<Run>& runs, const Workload& workload) {
  Table table({"policy", "kept free, MiB", "re-read, MiB", "mean, us", "times none", "p99, us", "times none",
               "operations/s", "reclaims", "freed, MiB", "CPU of the workload, s"});
  for (const std::string& policy : settings.policies) {
    const Cell cell(settings, runs, workload.name, policy);
    table.row({policy, cell.text(&Compared::kept_free_mib, 1), cell.text(&Compared::reread_mib, 0),
               fixed(cell.mean(&Compared::mean_us), 1), cell.text(&Compared::mean_ratio, 2),
               fixed(cell.mean(&Compared::p99_us), 1), cell.text(&Compared::p99_ratio, 2),
               fixed(cell.mean(&Compared::per_second), 1), cell.count(&Compared::reclaims),
               cell.count(&Compared::freed_mib), fixed(cell.mean(&Compared::cpu_s), 1)});
  }
  return "### " + std::string(workload.title) + "\n\n" + table.text() + "\n";
}

std::string table_of_all(const Settings& settings, const std::vector<Run>& runs) {
  Table table({"all workloads", "kept free, GiB h", "re-read, GiB", "GiB h a GiB re-read", "reclaims",
               "CPU of the policy, s an hour"});
  for (std::size_t i = 0; i < settings.policies.size(); ++i) {
    double kept = 0, reread = 0, reclaims = 0, cpu_us = 0, hours = 0;
    for (const Run& run : runs) {
      hours += run.seconds / 3600;
      cpu_us += static_cast<double>(run.policy_cpu_us[i]);
    }
    for (const Workload* workload : settings.workloads) {
      const Cell cell(settings, runs, workload->name, settings.policies[i]);
      kept += cell.mean(&Compared::kept_free_mib) * kMiB / kGiB * hours;
      reread += cell.mean(&Compared::reread_mib) * kMiB / kGiB * static_cast<double>(runs.size());
      reclaims += cell.mean(&Compared::reclaims) * static_cast<double>(runs.size());
    }
    table.row({settings.policies[i], plain(kept, 3), plain(reread, 2), reread > 0 ? fixed(kept / reread, 3) : "-",
               reclaims < 0 ? "-" : fixed(reclaims, 0), fixed(cpu_us / 1e6 / hours, 1)});
  }
  return table.text();
}

class Bounds {
 public:
  Bounds(const Settings& settings, const std::vector<Run>& runs) : settings_(settings), runs_(runs) {
    for (const Workload* workload : settings.workloads) harm(*workload);
    for (const Workload* workload : settings.workloads) gain(*workload);
  }

  std::string text() const { return table_.text(); }

 private:
  bool has(const char* policy) const { return std::ranges::count(settings_.policies, policy) > 0; }
  Cell cell(const Workload& workload, const char* policy) const { return {settings_, runs_, workload.name, policy}; }

  void row(const std::string& what, const std::string& bound, double measured, bool is_met, int digits) {
    table_.row({what, bound, fixed(measured, digits), is_met ? "met" : "not met"});
  }
  /// What is measured where nothing differs.
  std::string noise(const Workload& workload) const {
    return has("none-2") ? " (noise: " + fixed(cell(workload, "none-2").mean(&Compared::mean_ratio), 2) + ")" : "";
  }

  void harm(const Workload& workload) {
    const Cell ours = cell(workload, "ours");
    const double latency = ours.mean(&Compared::mean_ratio);
    row(std::string(workload.name) + ": mean latency, times none" + noise(workload), "at most 1.05", latency,
        latency <= 1.05, 2);
    const double reread = ours.mean(&Compared::reread_mib), freed = ours.mean(&Compared::freed_mib);
    // Where nothing was freed, nothing can have been read again because of that.
    const double part = freed > 0 ? std::max(reread, 0.0) / freed * 100 : 0;
    row(std::string(workload.name) + ": re-read of what was freed, %", "at most 5", part, part <= 5, 1);
  }

  void gain(const Workload& workload) {
    const std::string name = workload.name;
    if (!has("rust")) return;
    const Cell ours = cell(workload, "ours"), rust = cell(workload, "rust");
    if (name == "stream" || name == "log" || name == "batch" || name == "mixed") {
      const double part = ratio(ours.mean(&Compared::kept_free_mib), rust.mean(&Compared::kept_free_mib)) * 100;
      row(name + ": kept free, % of what rust keeps", "at least 60", part, part >= 60, 0);
    }
    if (name == "mixed" || name == "database" || name == "zipf" || name == "anon") {
      worthwhile(name, ours, "rust", worth(rust), 10);
    }
    if (has("senpai")) worthwhile(name, ours, "senpai", worth(cell(workload, "senpai")), 1);
  }

  void worthwhile(const std::string& name, const Cell& ours, const std::string& other, double others, double times) {
    const std::string bound = times == 1 ? "more than " + other + "'s " + plain(others, 3)
                                         : plain(times, 0) + " times " + other + "'s " + plain(others, 3);
    const std::string what = name + ": MiB kept free a MiB re-read";
    if (ours.mean(&Compared::freed_mib) < kLittle * static_cast<double>(settings_.limit_bytes()) / kMiB) {
      table_.row({what, bound, "takes nothing", "-"});
      return;
    }
    row(what, bound, worth(ours), times == 1 ? worth(ours) > others : worth(ours) >= times * others, 3);
  }

  static constexpr double kLittle = 0.1;  // of the limit, in the whole run
  /// Less than a MiB is noise.
  static double worth(const Cell& cell) {
    return cell.mean(&Compared::kept_free_mib) / std::max(cell.mean(&Compared::reread_mib), 1.0);
  }

  const Settings& settings_;
  const std::vector<Run>& runs_;
  Table table_{{"bound", "", "measured", ""}};
};

}  // namespace

std::string tables(const Settings& settings, const std::vector<Run>& runs) {
  std::string text = table_of_all(settings, runs) + "\n";
  for (const Workload* workload : settings.workloads) text += table_of_workload(settings, runs, *workload);
  if (std::ranges::count(settings.policies, "ours") > 0) text += Bounds(settings, runs).text();
  return text;
}

void append_json(const std::filesystem::path& file, const Settings& settings, const Run& run,
                 const std::string& where) {
  nlohmann::json results = nlohmann::json::array(), policies = nlohmann::json::array();
  for (const Result& result : run.results) {
    results.push_back({{"workload", result.workload},
                       {"policy", result.policy},
                       {"usage_bytes", result.usage_bytes},
                       {"read_bytes", result.read_bytes},
                       {"refaulted_bytes", result.refaulted_bytes},
                       {"operations", result.operations},
                       {"mean_ns", result.mean_ns},
                       {"median_ns", result.median_ns},
                       {"p99_ns", result.p99_ns},
                       {"p999_ns", result.p999_ns},
                       {"most_ns", result.most_ns},
                       {"cpu_us", result.cpu_us},
                       {"reclaims", result.done.reclaims},
                       {"freed_bytes", result.done.freed_bytes}});
  }
  for (std::size_t i = 0; i < settings.policies.size(); ++i) {
    policies.push_back({{"policy", settings.policies[i]}, {"cpu_us", run.policy_cpu_us[i]}});
  }
  std::ofstream stream(file, std::ios::app);
  stream << nlohmann::json{{"where", where},
                           {"seconds", run.seconds},
                           {"taken_bytes", run.taken_bytes},
                           {"drops", run.drops},
                           {"limit_bytes", settings.limit_bytes()},
                           {"scale", settings.scale},
                           {"pace", settings.pace},
                           {"heap", settings.heap},
                           {"policies", policies},
                           {"results", results}}
                .dump()
         << '\n'
         << std::flush;
  if (!stream) throw std::runtime_error("can't write " + file.string());
}

}  // namespace cgmm::bench::policy
