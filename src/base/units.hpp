// SPDX-License-Identifier: Apache-2.0
#pragma once

// Sizes, percentages, durations, times and counts as people write them, and back. No I/O, any thread.

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cgmm::base {

/// Bytes from "100", "100KB" (100 000), "100KiB" (102 400), ... "TB", "TiB", Kubernetes' "512Mi", "1.5GiB".
/// Case and spaces around the unit do not matter. A bare "K", "M", "G", "T" is decimal, as in Kubernetes.
/// nullopt when it is none of these, negative, or over 2^63-1 bytes.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// Microseconds from "500ms", "30s", "5m", "1h", "7d", "1.5h", "1h30m", or a bare number of seconds ("30");
/// "us" too. Units are in lower case, the larger first. nullopt when it is none of these, negative, or over
/// 1000 years.
std::optional<std::int64_t> parse_duration_us(std::string_view text);

/// "0 B", "1023 B", "1.0 KiB", "64.0 MiB", "1.5 GiB".
std::string format_bytes(std::uint64_t bytes);

/// The two largest parts at most, cut off and not rounded: "0 s", "350 us", "12.3 ms", "4.2 s", "3m 20s",
/// "2h 5m", "7d", "1d 3h".
std::string format_duration_us(std::int64_t duration_us);

/// "7 days", "day", "36 hours", "90 minutes": the largest unit that divides it, else as format_duration_us().
std::string span_in_words(std::int64_t span_us);

/// A duration as a configuration file has it, exact: "500ms", "30s", "5m", "1h", "7d".
std::string duration_setting(std::int64_t duration_us);

/// UTC, "2026-11-23T03:12:00Z"; with milliseconds where `with_ms`: "2026-11-23T03:12:00.123Z".
std::string format_utc(std::int64_t at_us, bool with_ms = false);

/// For people: as format_utc(), or after show_local_time() in the machine's zone: "2026-11-23 04:12:00 +01:00".
std::string format_time(std::int64_t at_us, bool with_ms = false);
/// For the whole process. Before there is a second thread.
void show_local_time(bool does = true);
/// By how much the times that format_time() makes are ahead of UTC at this time; and in words, "UTC" or "UTC+01:00".
std::int64_t shown_offset_us(std::int64_t at_us);
std::string shown_zone(std::int64_t at_us);

/// As format_utc(), exact: "2026-11-23T03:12:00.123456Z".
std::string format_utc_exact(std::int64_t at_us);

/// Microseconds since 1970 from "2026-11-23", "2026-11-23T03:12", "2026-11-23 03:12:00",
/// "2026-11-23T03:12:00Z" (UTC, with or without the Z, a fraction of a second allowed), or from a duration
/// ("7d"): that long before `now_us`; "now" is now_us. A duration needs a unit here: by "2026" a year is
/// meant. nullopt when it is none of these.
std::optional<std::int64_t> parse_when(std::string_view text, std::int64_t now_us);

/// "60 433": groups of three from five digits on.
std::string grouped(std::int64_t number);

/// "1 cgroup", "60 433 cgroups"; a plural that does not end in "s" is given: "2 processes".
std::string counted_of(std::int64_t number, std::string_view singular, std::string_view plural);
template <std::integral Number>
std::string counted(Number number, std::string_view singular, std::string_view plural = {}) {
  return counted_of(static_cast<std::int64_t>(number), singular, plural);
}

}  // namespace cgmm::base
