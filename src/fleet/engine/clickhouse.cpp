// SPDX-License-Identifier: Apache-2.0
#include "fleet/engine/clickhouse.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <system_error>
#include <utility>

#include "base/time.hpp"
#include "fleet/engine/literal.hpp"
#include "net/url.hpp"

namespace cgmm::fleet {
namespace {

// A Distributed table answers after its shards have the rows, and an error comes with its status instead of in the
// middle of an answer.
constexpr std::string_view kTarget = "/?insert_distributed_sync=1&wait_end_of_query=1";
// A user's profile may have async_insert.
constexpr EngineVersion kFirstWithAsyncInsert{21, 11};
constexpr std::string_view kWaitForAsyncInsert = "&wait_for_async_insert=1";

std::string encoded(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  std::string result;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      result += c;
      continue;
    }
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    result += {'%', kDigits[byte >> 4U], kDigits[byte & 0xfU]};
  }
  return result;
}

/// Settings and the other side's mistakes that no other address makes good.
bool is_for_good(net::HttpError::Kind kind) {
  using Kind = net::HttpError::Kind;
  return kind == Kind::bad_url || kind == Kind::redirect;
}

EngineVersion number_of(std::string_view version) {
  EngineVersion number;
  const char* const end = version.data() + version.size();
  const auto after = std::from_chars(version.data(), end, number.major).ptr;
  if (after != end) std::from_chars(after + 1, end, number.minor);
  return number;
}

}  // namespace

std::string password_in(const std::string& file) {
  if (file.empty()) return "";
  std::ifstream stream(file);
  std::string line;
  errno = 0;
  if (!std::getline(stream, line)) {
    throw DestinationError(Refusal::permanent,
                           "password_file " + file + " has no first line that can be read" +
                               (errno != 0 ? ": " + std::generic_category().message(errno) : std::string()));
  }
  if (line.ends_with('\r')) line.pop_back();
  if (std::ranges::any_of(line, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    throw DestinationError(Refusal::permanent, "password_file " + file + " has a control character in its first line");
  return line;
}

ClickHouse::ClickHouse(const config::Ship& settings, std::chrono::milliseconds timeout, int stop_fd)
    : settings_(settings), timeout_(timeout), stop_fd_(stop_fd) {
  if (settings_.urls.empty()) {
    throw DestinationError(Refusal::permanent, "the configuration does not say where ClickHouse is: set url in [ship]");
  }
  try {
    for (const std::string& url : settings_.urls) net::parse_url(url, "url in [ship]");
  } catch (const net::HttpError& error) {
    throw DestinationError(Refusal::permanent, error.what());
  }
}

std::string ClickHouse::place() const { return net::parse_url(settings_.urls[current_], "url in [ship]").place(); }

Asked ClickHouse::asked(bool to_read) const {
  return {.place = place(), .user = settings_.user, .database = settings_.database, .to_read = to_read};
}

void ClickHouse::insert(std::string_view table, const std::vector<std::string>& columns,
                        std::string_view gzipped_rows) {
  std::string sql = "INSERT INTO " + settings_.database + "." + std::string(table) + " (";
  for (const std::string& column : columns) sql += (sql.ends_with('(') ? "" : ", ") + column;
  sql += ") FORMAT TabSeparated";
  std::string target(kTarget);
  if (number_of(version_) >= kFirstWithAsyncInsert) target += kWaitForAsyncInsert;
  net::HttpRequest request{.target = target + "&query=" + encoded(sql), .body = gzipped_rows};
  if (!gzipped_rows.empty()) request.headers = {{"Content-Encoding", "gzip"}};
  const std::string answer = ask(request);
  if (answer.find_first_not_of('\n') != std::string::npos) throw refusal_of(asked(), 200, answer);
}

std::vector<EngineRow> ClickHouse::query(const std::string& sql) {
  return rows_of(ask({.target = std::string(kTarget), .body = sql}));
}

std::string ClickHouse::read(const std::string& sql, const std::string& settings) {
  return ask({.target = "/?wait_end_of_query=1" + settings, .body = sql}, true);
}

std::string ClickHouse::ask(const net::HttpRequest& request, bool to_read) {
  std::string said;
  for (std::size_t tries = 1;; ++tries) {
    try {
      return ask_one(request, to_read);
    } catch (const DestinationError& error) {
      const bool may_another_help = error.refusal() == Refusal::transient || error.refusal() == Refusal::read_only;
      said += (said.empty() ? "" : "; ") + std::string(error.what());
      if (may_another_help) {
        client_.reset();
        current_ = (current_ + 1) % settings_.urls.size();
      }
      if (!may_another_help || tries >= settings_.urls.size()) throw DestinationError(error.refusal(), said);
    }
  }
}

std::string ClickHouse::ask_one(const net::HttpRequest& request, bool to_read) {
  net::HttpRequest full = request;
  if (!settings_.user.empty()) full.headers.emplace_back("X-ClickHouse-User", settings_.user);
  if (!settings_.password_file.empty())
    full.headers.emplace_back("X-ClickHouse-Key", password_in(settings_.password_file));
  try {
    if (!client_) {
      client_.emplace(net::HttpSettings{.url = settings_.urls[current_],
                                        .ca_file = settings_.ca_file,
                                        .client_cert_file = settings_.client_cert_file,
                                        .client_key_file = settings_.client_key_file,
                                        .proxy = settings_.proxy,
                                        .total_timeout = timeout_,
                                        .stop_fd = stop_fd_});
    }
    net::HttpAnswer answer = client_->send(full);
    // A row that was read may look like an error.
    const bool has_error = !to_read && error_in(answer.body);
    if (answer.status != 200 || !answer.header("X-ClickHouse-Exception-Code").empty() || has_error)
      throw refusal_of(asked(to_read), answer.status, answer.body);
    return std::move(answer.body);
  } catch (const net::HttpError& error) {
    // Where stop_fd has ended it, the next address ends at once, too.
    throw DestinationError(is_for_good(error.kind) ? Refusal::permanent : Refusal::transient, error.what());
  }
}

const std::string& ClickHouse::version() {
  if (!version_.empty()) return version_;
  const std::vector<EngineRow> rows = query("SELECT version()");
  const std::string told = rows.size() == 1 && rows[0][0] ? *rows[0][0] : "";
  if (number_of(told) == EngineVersion{})
    throw DestinationError(Refusal::permanent, place() + " does not say its version: is it ClickHouse's HTTP port?");
  if (number_of(told) < kOldestEngine) {
    throw DestinationError(Refusal::permanent,
                           place() + " is ClickHouse " + told + ", which is too old: it has to be 18.16 or newer");
  }
  return version_ = told;
}

EngineVersion ClickHouse::version_number() { return number_of(version()); }

std::int64_t ClickHouse::clock_difference_us(const std::function<std::int64_t()>& wall_now_us) {
  const std::int64_t before_us = wall_now_us();
  const std::vector<EngineRow> rows = query("SELECT toUnixTimestamp(now())");
  const std::int64_t after_us = wall_now_us();
  std::int64_t second = 0;
  const std::string told = rows.size() == 1 ? rows[0][0].value_or("") : "";
  if (std::from_chars(told.data(), told.data() + told.size(), second).ec != std::errc{})
    throw DestinationError(Refusal::permanent, place() + " does not say what time it is");
  const std::int64_t least_us = before_us - (second + 1) * base::kSecond_us;
  const std::int64_t most_us = after_us - second * base::kSecond_us;
  if (least_us > 0) return least_us;
  return most_us < 0 ? most_us : 0;
}

std::optional<std::int64_t> ClickHouse::last_sent_at_us(const std::string& node, const std::string& history_id) {
  const std::vector<EngineRow> rows =
      query("SELECT max(shipped_at_us) FROM " + settings_.database + ".node WHERE node = " + literal(node) +
            " AND history_id = " + literal(history_id) + " SETTINGS skip_unavailable_shards = 1");
  std::int64_t at_us = 0;
  const std::string told = rows.size() == 1 ? rows[0][0].value_or("") : "";
  std::from_chars(told.data(), told.data() + told.size(), at_us);
  return at_us > 0 ? std::optional(at_us) : std::nullopt;
}

}  // namespace cgmm::fleet
