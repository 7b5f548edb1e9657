// SPDX-License-Identifier: Apache-2.0
#include "fleet/engine/answer.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <system_error>

#include "base/text.hpp"

namespace cgmm::fleet {
namespace {

constexpr std::size_t kMostOfMessage = 300;

struct Known {
  int code;
  Refusal refusal;
  const char* problem;  // after "HOST:PORT ", before its own words. USER and DATABASE are filled in
  const char* advice;
  enum Of : std::uint8_t { of_all, of_questions } of = of_all;
};

constexpr const char* kUserAdvice = "set user and password_file in [ship]";
constexpr const char* kRightsAdvice = "GRANT SELECT, INSERT ON DATABASE.* to it, and for `fleet init` also CREATE";
constexpr const char* kInitAdvice = "run `cgroup-memory-manager fleet init`";
constexpr const char* kZooKeeperAdvice = "it takes rows again when it reaches ZooKeeper";
constexpr const char* kClusterAdvice = "SELECT DISTINCT cluster FROM system.clusters shows those that it has";

constexpr const char* kLessAdvice =
    "ask for less (a later --since, --node, --workload), or give it more time (--max-time)";

/// The first one that fits.
constexpr Known kKnown[] = {
    {164, Refusal::permanent, "is only asked here, and changes nothing", "expected a SELECT", Known::of_questions},
    {497, Refusal::permanent, "does not let user USER read this", "GRANT SELECT ON DATABASE.* to it",
     Known::of_questions},
    {158, Refusal::permanent, "would have to read too many rows", kLessAdvice, Known::of_questions},
    {159, Refusal::permanent, "takes too long", kLessAdvice, Known::of_questions},
    {160, Refusal::permanent, "takes too long", kLessAdvice, Known::of_questions},
    {241, Refusal::permanent, "has too little memory for this", kLessAdvice, Known::of_questions},
    {396, Refusal::permanent, "has more rows for an answer than may be sent", kLessAdvice, Known::of_questions},
    {192, Refusal::permanent, "does not know user USER", kUserAdvice},
    {193, Refusal::permanent, "says that the password of user USER is wrong", kUserAdvice},
    {194, Refusal::permanent, "wants a password of user USER", kUserAdvice},
    {516, Refusal::permanent, "does not let user USER in", kUserAdvice},
    {195, Refusal::permanent, "does not let user USER in from this address", "allow it in the user's networks"},
    {164, Refusal::permanent, "lets user USER only read", kRightsAdvice},
    {291, Refusal::permanent, "does not let user USER use database DATABASE", kRightsAdvice},
    {497, Refusal::permanent, "does not let user USER do this", kRightsAdvice},
    {60, Refusal::permanent, "lacks a table in database DATABASE", kInitAdvice},
    {81, Refusal::permanent, "has no database DATABASE", kInitAdvice},
    {16, Refusal::permanent, "has tables of another version", kInitAdvice},
    {252, Refusal::too_many_parts, "merges too slowly and takes no rows now",
     "wait; if it goes on, send less often (samples_every) or give it more servers"},
    {242, Refusal::read_only, "has a table that only can be read now", kZooKeeperAdvice},
    {225, Refusal::read_only, "has no ZooKeeper", kZooKeeperAdvice},
    {999, Refusal::read_only, "does not reach ZooKeeper", kZooKeeperAdvice},
    {170, Refusal::permanent, "lacks something that is named in its configuration", kClusterAdvice},
    {701, Refusal::permanent, "has no cluster of this name", kClusterAdvice},
    {202, Refusal::transient, "has too many queries to do", "wait; if it goes on, send less often"},
    {241, Refusal::transient, "has too little memory for this", "wait, or send smaller batches (batch_rows)"},
    {243, Refusal::transient, "has too little space on its disk", "give it space"},
    {279, Refusal::transient, "does not reach one of its shards", "wait, or start the shard"}};

/// The text of some row is wrong.
constexpr int kBadRows[] = {6, 26, 27, 33, 38, 41, 69, 70, 72, 117, 131, 321, 349};
/// Of these, trying again does not help either: the text of the query is wrong.
constexpr int kWrongText[] = {36, 43, 44, 46, 47, 53, 62, 73, 115};

void replace(std::string& text, std::string_view what, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
}

std::string filled(const char* text, const Asked& asked) {
  std::string result = text;
  replace(result, "USER", '"' + (asked.user.empty() ? "default" : asked.user) + '"');
  replace(result, "DATABASE", asked.database);
  return result;
}

/// For an answer that is not from ClickHouse.
DestinationError strange_answer(const Asked& asked, int status) {
  const std::string answered = asked.place + " answers with HTTP status " + std::to_string(status);
  if (status == 401 || status == 403) return {Refusal::permanent, answered + ": " + kUserAdvice};
  if (status == 413) return {Refusal::bad_rows, answered + ": set batch_bytes in [ship] lower"};
  if (status == 429 || status >= 500) return {Refusal::transient, answered + ", and not as ClickHouse does: wait"};
  return {Refusal::permanent, answered +
                                  ", and not as ClickHouse does: url in [ship] has to name its HTTP port (8123, or "
                                  "8443 with https)"};
}

/// The text of a value as it was before it was escaped; nullopt: NULL.
std::optional<std::string> value_of(std::string_view text) {
  if (text == "\\N") return std::nullopt;
  std::string value;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      value += text[at];
      continue;
    }
    constexpr std::string_view kEscaped = "bfnrt0", kMeant{"\b\f\n\r\t\0", 6};
    const std::size_t which = kEscaped.find(text[++at]);
    value += which == std::string_view::npos ? text[at] : kMeant[which];
  }
  return value;
}

}  // namespace

std::optional<EngineError> error_in(std::string_view body) {
  constexpr std::string_view kCode = "Code: ", kException = "Exception: ";  // also DB::NetException
  if (!body.starts_with(kCode)) {
    while (body.ends_with('\n')) body.remove_suffix(1);
    const std::size_t last = body.rfind("\nCode: ");
    if (last == std::string_view::npos) return std::nullopt;
    body.remove_prefix(last + 1);
  }
  EngineError error;
  const char* const end = body.data() + body.size();
  const auto [after, problem] = std::from_chars(body.data() + kCode.size(), end, error.code);
  const std::size_t exception = body.find(kException);
  if (problem != std::errc{} || exception == std::string_view::npos || (*after != ',' && *after != '.'))
    return std::nullopt;
  std::string_view message = body.substr(exception + kException.size());
  for (const std::string_view tail : {"\n", ", e.what()", " (version ", ". Stack trace"})
    message = message.substr(0, message.find(tail));
  if (message.size() > kMostOfMessage) message = message.substr(0, kMostOfMessage);
  error.message = base::escape_for_terminal(message);
  return error;
}

DestinationError refusal_of(const Asked& asked, int status, std::string_view body) {
  const auto error = error_in(body);
  if (!error) {
    if (status != 200) return strange_answer(asked, status);
    return {Refusal::permanent, asked.place + " says more than it was asked: is it ClickHouse's HTTP port?"};
  }
  const std::string own_words = "code " + std::to_string(error->code) + ": " + error->message;
  const auto is_it = [&](const Known& one) {
    return one.code == error->code && (asked.to_read || one.of != Known::of_questions);
  };
  const auto* const known = std::ranges::find_if(kKnown, is_it);
  if (known != std::end(kKnown)) {
    return {known->refusal, asked.place + " " + filled(known->problem, asked) + ": " + filled(known->advice, asked) +
                                " (" + own_words + ")"};
  }
  const auto is_one_of = [&](const auto& codes) { return std::ranges::find(codes, error->code) != std::end(codes); };
  const bool has_bad_text = is_one_of(kBadRows), is_wrong = is_one_of(kWrongText);
  const Refusal refusal = asked.to_read  ? (has_bad_text || is_wrong ? Refusal::wrong_text : Refusal::transient)
                          : has_bad_text ? Refusal::bad_rows
                          : is_wrong     ? Refusal::permanent
                                         : Refusal::transient;
  return {refusal, asked.place + " refuses: " + own_words};
}

EngineRow next_row(std::string_view& body) {
  std::string_view line = body.substr(0, body.find('\n'));
  body.remove_prefix(std::min(body.size(), line.size() + 1));
  EngineRow row;
  for (;;) {
    const std::size_t tab = line.find('\t');
    row.push_back(value_of(line.substr(0, tab)));
    if (tab == std::string_view::npos) return row;
    line.remove_prefix(tab + 1);
  }
}

std::vector<EngineRow> rows_of(std::string_view body) {
  std::vector<EngineRow> rows;
  while (!body.empty()) rows.push_back(next_row(body));
  return rows;
}

}  // namespace cgmm::fleet
