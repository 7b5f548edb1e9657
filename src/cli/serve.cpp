// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <exception>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "config.hpp"
#include "daemon/clock.hpp"
#include "daemon/resources.hpp"
#include "daemon/service/signals.hpp"
#include "net/http_server.hpp"
#include "report/format/html.hpp"
#include "serve/answers.hpp"
#include "serve/feed.hpp"
#include "serve/files.hpp"
#include "serve/routes.hpp"

namespace cgmm::cli {
namespace {

constexpr std::string_view kEvents = "/now/events", kOpenApi = "/openapi.json";  // of a node
constexpr const char* kHealth = "/healthz";                                      // whoever probes has no token

/// "127.0.0.1:9748", "[::1]:9748", "localhost:9748". Other names are not looked up.
void set_place(const std::string& text, net::ServerSettings& settings) {
  const std::size_t colon = text.rfind(':');
  std::string address = text.substr(0, colon == std::string::npos ? 0 : colon);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), settings.port);
  if (address.empty() || port.empty() || error != std::errc() || end != port.data() + port.size())
    throw UsageError("--listen = \"" + text + "\": expected an address and a port such as \"127.0.0.1:9748\"");
  settings.address = address == "localhost" ? "127.0.0.1" : address;
}

bool is_loopback(const std::string& address) { return address.starts_with("127.") || address == "::1"; }

net::ServerSettings settings_of(const ServeOptions& serve) {
  if (serve.cert_file.empty() != serve.key_file.empty()) throw UsageError("--cert and --key: expected both or neither");
  net::ServerSettings settings{.cert_file = serve.cert_file,
                               .key_file = serve.key_file,
                               .token_file = serve.token_file,
                               .path_without_token = kHealth,
                               .tell = to_stderr};
  set_place(serve.listen, settings);
  settings.only_by_address = is_loopback(settings.address) && settings.token_file.empty();
  return settings;
}

void warn_of_other_machines(const net::ServerSettings& settings, const std::string& listen) {
  if (is_loopback(settings.address) || (!settings.token_file.empty() && !settings.cert_file.empty())) return;
  to_stderr("warning: " + listen + " can be reached from other machines, and " +
            (settings.token_file.empty() ? "anybody there may ask (--token-file)"
                                         : "what is sent can be read on the way (--cert, --key)"));
}

/// What makes the pages: the other program, which needs no network; of the fleet this one.
std::filesystem::path program_for(const serve::Pages& pages) {
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  return pages.of_fleet ? self : self.parent_path() / "cgroup-memory-manager";
}

serve::Pages pages_of(const Options& options) {
  if (!options.serve.fleet) return {.with_containers = options.serve.containers};
  if (options.serve.containers) throw UsageError("--containers is for metrics, and --fleet has none");
  if (options.overrides.database) throw UsageError("--database is of one node, and --fleet shows all of them");
  if (config::load(options.config, options.overrides, to_stderr).ship.urls.empty())
    throw UsageError("--fleet: expected url in [ship] of the configuration, where ClickHouse is");
  return {.of_fleet = true};
}

/// Where the history is, and who asks; the same for every page.
std::vector<std::string> place_of_history(const Options& options) {
  std::vector<std::string> arguments{serve::kForServe};
  if (options.config) arguments.push_back("--config=" + options.config->string());
  if (options.overrides.database) arguments.push_back("--database=" + *options.overrides.database);
  return arguments;
}

/// Another text whenever the configuration or the history may have changed. What is wrong with the configuration the
/// page says.
std::string state_of_history(const Options& options) {
  static base::Mutex mutex;
  static std::string seen;
  static std::filesystem::path database;
  const base::Lock lock(mutex);
  std::string state = serve::state_of_file(options.config.value_or(config::kDefaultFile));
  try {
    if (std::exchange(seen, state) != state) database = load_for_reading(options).config.database;
  } catch (const std::exception&) {
    database.clear();
    seen.clear();  // tried again: what was in the way may be over, and the file is the same
  }
  return state + serve::state_of_history(database);
}

/// Pages tell times to the second.
std::string state_of_answers(const Options& options) {
  return std::to_string(daemon::wall_now_us() / base::kSecond_us) + ' ' + state_of_history(options);
}

/// An error for a browser: a page with links instead of a line, which a phone shows very small.
net::ServerAnswer for_browser(const net::ServerRequest& request, net::ServerAnswer answer) {
  if (answer.status < 400 || request.accept.find("text/html") == std::string::npos) return answer;
  std::string_view sentence = answer.shared_body ? *answer.shared_body : answer.body;
  base::drop_prefix(sentence, "cgroup-memory-manager: ");
  sentence = sentence.substr(0, sentence.find_last_not_of('\n') + 1);
  const std::string title = answer.status == 404 ? "Not found" : answer.status == 400 ? "Not understood" : "Not shown";
  return serve::as_page(answer, report::html_page(title, report::html_section("", report::html_paragraph(sentence))));
}

}  // namespace

int serve(const Options& options) {
  daemon::await_signals();
  daemon::keep_little_memory();
  const base::Fd signals = daemon::open_signals();
  const serve::Pages pages = pages_of(options);
  report::link_pages(pages.of_fleet ? report::PagesOf::fleet : report::PagesOf::node);  // of errors
  const net::ServerSettings settings = settings_of(options.serve);
  const std::filesystem::path program = program_for(pages);
  const std::vector<std::string> place = place_of_history(options);
  const auto page_of_now = [&] {
    std::vector<std::string> arguments = serve::route_of({.path = "/now"}, {})->arguments;
    arguments.insert(arguments.end(), place.begin(), place.end());
    return serve::run_program(program, arguments, {.stop_fd = signals.get()});
  };
  std::function<void()> wake_feed;
  serve::Answers answers(
      {.program = program,
       .place = place,
       .bounds = serve::bounds_of(pages),
       .state = pages.of_fleet ? std::function<std::string()>() : [&options] { return state_of_answers(options); }});
  net::Server server(settings, [&](const net::ServerRequest& request, const net::Server::Answer& to_client) {
    net::Server::Answer answer = to_client;
    answer.give = [request, to_client](net::ServerAnswer one) { to_client(for_browser(request, std::move(one))); };
    if (request.path == kHealth) return answer({.body = "ok\n"});
    auto file = serve::file_at(request.path);
    if (file && !(pages.of_fleet && request.path == kOpenApi)) return answer(*std::move(file));
    if (request.path == kEvents && !pages.of_fleet) {
      wake_feed();
      return answer({.type = "text/event-stream", .listens = true});
    }
    auto route = serve::route_of(request, pages);
    if (!route) return answer({.status = 404, .body = serve::no_such_page(request, pages)});
    if (!route->mistake.empty()) return answer({.status = 400, .body = route->mistake});
    answers.ask(*std::move(route), answer);
  });
  serve::Feed feed(  // of the fleet nobody wakes it
      {.state = [&options] { return state_of_history(options); },
       .page = page_of_now,
       .wall_now_us = daemon::wall_now_us,
       .watchers = [&server] { return server.listener_count(); },
       .publish = [&server](std::string event, bool is_kept) { server.publish(std::move(event), is_kept); }});
  wake_feed = [&feed] { feed.wake(); };
  warn_of_other_machines(settings, options.serve.listen);
  to_stderr(std::string("serves http") + (settings.cert_file.empty() ? "" : "s") + "://" +
            options.serve.listen.substr(0, options.serve.listen.rfind(':')) + ":" + std::to_string(server.port()) +
            "/");
  server.run(signals.get());
  return 0;
}

}  // namespace cgmm::cli
