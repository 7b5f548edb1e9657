// SPDX-License-Identifier: Apache-2.0
#include "serve/routes.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/text.hpp"

namespace cgmm::serve {
namespace {

constexpr const char* kHtml = "text/html; charset=utf-8";
// A page runs the script of `serve` and none else, which asks nobody else. Its styles are in it.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

constexpr const char* kFleetTime = "5m";  // there are many nodes

/// Of a page, by the end of its path.
struct Form {
  std::string_view end;
  const char* format;
  const char* type;
};
constexpr std::array<Form, 4> kForms = {{{".html", "html", kHtml},  // of a name that ends like one of the others
                                         {".json", "json", "application/json"},
                                         {".ndjson", "ndjson", "application/x-ndjson"},
                                         {".csv", "csv", "text/csv; charset=utf-8"}}};

/// A name of letters, digits, "_", "-" and "." is no option and no path.
bool is_plain(std::string_view name) {
  const auto is_fine = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
           c == '.';
  };
  return !name.empty() && name.front() != '-' && name.front() != '.' && std::ranges::all_of(name, is_fine);
}

/// The parameters of a page become options of the subcommand. An empty one is not there: a form sends those, too.
void take(const net::ServerRequest& request, std::initializer_list<const char*> names, Route& route) {
  for (const char* const name : names) {
    route.takes.emplace_back(name);
    const auto value = request.value(name);
    if (!value || value->empty()) continue;
    const bool is_flag = name == std::string_view("all");
    route.arguments.push_back("--" + std::string(name) + (is_flag ? "" : "=" + *value));
  }
}

/// What is wrong with the parameters of the page at `path`, which is without its end; "": nothing. Ignoring one would
/// answer another question than was asked.
std::string mistake_in(const net::ServerRequest& request, std::string_view path, const Route& route) {
  const bool is_now = path == "/now" || path == "/report/now";
  const auto is_known = [&](const auto& value) {
    // The script of this page keeps in the address what it shows.
    const bool is_of_script = is_now && (value.first == "filter" || value.first == "view");
    return is_of_script || std::ranges::count(route.takes, value.first) > 0;
  };
  const auto unknown = std::ranges::find_if_not(request.values, is_known);
  if (unknown == request.values.end()) return "";
  std::string known;
  for (std::size_t i = 0; i < route.takes.size(); ++i)
    known += (i == 0 ? "" : i + 1 == route.takes.size() ? " and " : ", ") + route.takes[i];
  return "\"" + base::escape_for_terminal(unknown->first) + "\" is no parameter of this page: it takes " +
         (known.empty() ? "none" : known) + "\n";
}

/// As a glob that matches only this.
std::string as_it_is(std::string_view text) {
  std::string glob;
  for (const char c : text) glob += c == '*' || c == '?' || c == '[' ? std::string{'[', c, ']'} : std::string{c};
  return glob;
}

std::optional<Route> metrics_route(const net::ServerRequest& request, bool with_containers) {
  const bool is_open = request.accept.find("application/openmetrics-text") != std::string::npos;
  Route route{.arguments = {"metrics"},
              .type = is_open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                              : "text/plain; version=0.0.4; charset=utf-8"};
  if (is_open) route.arguments.emplace_back("--openmetrics");
  if (with_containers) route.arguments.emplace_back("--containers");
  route.mistake = mistake_in(request, request.path, route);
  return route;
}

/// A page of all nodes, without its end.
std::optional<Route> fleet_route(std::string_view path, const net::ServerRequest& request) {
  Route route;
  if (path == "/report") {
    route.arguments = {"fleet", "report"};
    take(request, {"since", "until", "node", "cgroup", "workload"}, route);
  } else if (path == "/reports") {
    route.arguments = {"fleet", "report", "--list"};
  } else if (path == "/incident") {
    route.arguments = {"fleet", "incident", "list"};
    take(request, {"since", "until", "node", "cgroup", "workload", "all"}, route);
  } else if (path == "/incident/latest") {
    route.arguments = {"fleet", "incident", "show", "latest"};
    take(request, {"window", "node", "cgroup", "workload"}, route);
  } else if (base::drop_prefix(path, "/report/") && is_plain(path)) {
    route.arguments = {"fleet", "report", std::string(path)};
    take(request, {"since", "until", "node", "cgroup", "workload"}, route);
  } else if (base::drop_prefix(path, "/incident/") && path.find('/') != std::string_view::npos &&
             !path.starts_with('-')) {
    route.arguments = {"fleet", "incident", "show", std::string(path)};
    take(request, {"window"}, route);
  } else if (base::drop_prefix(path, "/workload/") && !path.empty()) {
    route.arguments = {"fleet", "history", "--workload=" + as_it_is(path)};
    take(request, {"since", "until", "node"}, route);
  } else if (base::drop_prefix(path, "/cgroup/") && !path.empty()) {
    route.arguments = {"fleet", "history", "--cgroup=" + as_it_is(path)};
    take(request, {"since", "until", "node"}, route);
  } else {
    return std::nullopt;
  }
  route.arguments.emplace_back("--max-time=" + std::string(kFleetTime));
  return route;
}

/// A page, without its end. `is_page`: for people; else the same for programs, which sort themselves.
std::optional<Route> page_route(std::string_view path, const net::ServerRequest& request, bool is_page) {
  Route route;
  constexpr std::string_view kWorkloads = "/report/memory_by_workload";
  if (path == "/workloads") path = kWorkloads;  // with trends
  if (path == "/now") path = "/report/now";
  if (path == "/report") {
    route.arguments = {"report"};
    take(request, {"since", "until", "cgroup", "workload"}, route);
  } else if (path == "/reports") {
    route.arguments = {"report", "--list"};
  } else if (path == "/status") {
    route.arguments = {"status"};
    route.is_of_history = false;
  } else if (path == "/incident") {
    route.arguments = {"incident", "list"};
    take(request, {"since", "until", "cgroup", "workload", "all"}, route);
  } else if (path == "/incident/latest") {
    route.arguments = {"incident", "show", "latest"};
    take(request, {"window", "cgroup", "workload"}, route);
  } else if (path == "/report/now" || path == kWorkloads) {
    route.arguments = {"report", std::string(path.substr(path.rfind('/') + 1))};
    take(request, {"since", "until", "cgroup", "workload"}, route);
    if (is_page) take(request, {"sort"}, route);
  } else if (base::drop_prefix(path, "/report/") && is_plain(path)) {
    route.arguments = {"report", std::string(path)};
    take(request, {"since", "until", "cgroup", "workload"}, route);
  } else if (base::drop_prefix(path, "/incident/") && is_plain(path)) {
    route.arguments = {"incident", "show", std::string(path)};
    take(request, {"window"}, route);
  } else if (base::drop_prefix(path, "/workload/") && !path.empty()) {
    route.arguments = {"history", "--workload=" + as_it_is(path)};
    take(request, {"since", "until"}, route);
  } else if (base::drop_prefix(path, "/cgroup/") && !path.empty() && !path.starts_with('-')) {
    route.arguments = {"history", as_it_is(path)};
    take(request, {"since", "until"}, route);
  } else {
    return std::nullopt;
  }
  return route;
}

std::vector<std::pair<std::string, std::string>> page_headers() {
  return {{"Content-Security-Policy", kPolicy}, {"Referrer-Policy", "no-referrer"}};
}

net::ServerAnswer refusal(int status, std::string sentence) { return {.status = status, .body = std::move(sentence)}; }

}  // namespace

std::optional<Route> route_of(const net::ServerRequest& request, const Pages& pages) {
  if (request.path == "/metrics" && !pages.of_fleet) return metrics_route(request, pages.with_containers);
  std::string_view path = request.path;
  const char* format = "html";
  const char* type = kHtml;
  for (const Form& form : kForms) {
    if (!base::drop_suffix(path, form.end)) continue;
    format = form.format;
    type = form.type;
    break;
  }
  if (path == "/") path = pages.of_fleet ? "/report" : "/now";  // the page that is seen first
  auto route = pages.of_fleet ? fleet_route(path, request) : page_route(path, request, type == kHtml);
  if (!route) return std::nullopt;
  route->mistake = mistake_in(request, path, *route);
  route->arguments.push_back("--format=" + std::string(format));
  if (type == kHtml) route->arguments.push_back("--links=" + std::string(path));
  route->type = type;
  return route;
}

std::string no_such_page(const net::ServerRequest& request, const Pages& pages) {
  if (pages.of_fleet && request.path == "/metrics")
    return "there are no metrics of the fleet: they are those of a node, from `serve` there\n";
  if (pages.of_fleet && request.path == "/status")
    return "there is no status of the fleet: /report/nodes tells how each node does\n";
  return "there is no such page\n";
}

ProgramBounds bounds_of(const Pages& pages) {
  return pages.of_fleet ? ProgramBounds{.most_time = std::chrono::seconds(305)} : ProgramBounds{};
}

net::ServerAnswer answer_of(const Route& route, ProgramAnswer answer) {
  using End = ProgramAnswer::End;
  // status tells by its exit code whether the service is well; the page is there all the same.
  const bool is_there = answer.exit_code == 0 || (!answer.out.empty() && answer.exit_code == 1);
  if (answer.end == End::too_big) return refusal(413, "the answer is over 16 MiB: ask for a shorter time\n");
  if (answer.end == End::too_slow) return refusal(503, "the answer took too long: ask for a shorter time\n");
  if (answer.end == End::killed) return refusal(500, "the program that answers was killed\n");
  if (is_there) return {.status = 200, .type = route.type, .body = std::move(answer.out), .headers = page_headers()};
  return refusal(answer.exit_code == 2 ? 400 : answer.exit_code == 3 ? 404 : 500, answer.err);
}

net::ServerAnswer as_page(net::ServerAnswer error, std::string html) {
  error.type = kHtml;
  error.body = std::move(html);
  error.shared_body = nullptr;
  for (auto& header : page_headers()) error.headers.push_back(std::move(header));
  return error;
}

}  // namespace cgmm::serve
