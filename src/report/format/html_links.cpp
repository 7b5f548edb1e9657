// SPDX-License-Identifier: Apache-2.0
#include "report/format/html_links.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <ranges>
#include <span>
#include <utility>
#include <vector>

namespace cgmm::report {
namespace {

std::optional<PagesOf> linked;
Place here;

// Addresses of `serve` (src/serve/routes.cpp).
struct Link {
  std::string_view address, text;
};
constexpr auto kNavigation = std::to_array<Link>({{"/now", "Now"},
                                                  {"/report", "Report"},
                                                  {"/workloads", "Workloads"},
                                                  {"/incident", "OOM kills"},
                                                  {"/report/all_reclaims", "Reclaims"},
                                                  {"/report#advice", "Advice"},
                                                  {"/status", "Service"},
                                                  {"/reports", "All reports"}});
constexpr auto kNavigationOfFleet = std::to_array<Link>({{"/report", "Report"},
                                                         {"/report/nodes", "Nodes"},
                                                         {"/report/memory_by_workload", "Workloads"},
                                                         {"/incident", "OOM kills"},
                                                         {"/report/effects", "Reclaims"},
                                                         {"/reports", "All reports"}});
constexpr auto kSince = std::to_array<Link>({{"1h", "1 hour"}, {"1d", "1 day"}, {"7d", "7 days"}, {"30d", "30 days"}});

/// Of which parameters the page tells something else (src/serve/routes.cpp).
std::vector<std::string_view> parameters_of(std::string_view path) {
  if (path == "/incident/latest") return {"window", "cgroup", "workload", "node"};
  if (path.starts_with("/incident/")) return {"window"};
  if (path.starts_with("/workload/") || path.starts_with("/cgroup/")) return {"since", "until", "node"};
  if (path == "/now" || path == "/report/now") return {"since", "until", "cgroup", "workload"};
  if (path.empty() || path == "/status" || path == "/reports") return {};
  return {"since", "until", "cgroup", "workload", "node"};
}

/// Those of the page that is made as "?since=1d&amp;cgroup=web", with others than `without`; "": there is none.
std::string asked_for(std::string query, std::initializer_list<std::string_view> without = {}) {
  for (const std::string_view name : parameters_of(here.path)) {
    const auto one = here.asked.find(name);
    if (one == here.asked.end() || one->second.empty() || std::ranges::count(without, name) > 0) continue;
    if (name == "until" && one->second == "now") continue;
    query.append(query.empty() ? "?" : "&amp;").append(name).append("=").append(escape_path(one->second));
  }
  return query;
}

/// The same for programs; "": there is none.
std::string data_address(std::string_view format) {
  const bool is_whole = here.path.starts_with("/incident/");  // several tables
  if (!linked || here.path.empty() || (is_whole && format != "json")) return "";
  return escape_path(here.path) + "." + std::string(format) + asked_for("");
}

}  // namespace

void link_pages(std::optional<PagesOf> whom, Place place) {
  linked = whom;
  here = std::move(place);
}

bool are_pages_linked() { return linked.has_value(); }

const std::optional<PagesOf>& linked_pages() { return linked; }

std::string escape_path(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          std::string_view("-_.~/@").find(c) != std::string_view::npos;
    if (is_plain) {
      result += c;
    } else {
      result += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  return result;
}

std::string navigation() {
  if (!linked) return "";
  const bool is_fleet = *linked == PagesOf::fleet;
  const std::string_view path = here.path;
  std::string html = "<nav>\n";
  for (const auto& [address, text] : is_fleet ? std::span<const Link>(kNavigationOfFleet) : kNavigation) {
    html += "<a href=\"" + std::string(address) + (address == path ? "\" aria-current=\"page\">" : "\">") +
            std::string(text) + "</a> ";
  }
  const std::vector<std::string_view> takes = parameters_of(here.path);
  const bool is_of_one_instant = path == "/now" || path == "/report/now";
  if (!is_of_one_instant && std::ranges::count(takes, "since") > 0) {
    const auto since = here.asked.find("since"), until = here.asked.find("until");
    const bool is_up_to_now = until == here.asked.end() || until->second.empty() || until->second == "now";
    html += "<span>Since";
    for (const auto& [time, text] : kSince) {
      const bool is_this = is_up_to_now && since != here.asked.end() && since->second == time;
      html += " <a href=\"" + asked_for("?since=" + std::string(time), {"since", "until"}) +
              (is_this ? "\" aria-current=\"true\">" : "\">") + std::string(text) + "</a>";
    }
    html += "</span>";
  }
  return html + "\n</nav>\n";
}

std::string data_links() {
  std::string links;
  for (const auto& [format, name] : {Link{"json", "JSON"}, Link{"csv", "CSV"}}) {
    const std::string address = data_address(format);
    if (!address.empty()) links += " <a href=\"" + address + "\">" + std::string(name) + "</a>";
  }
  return links.empty() ? "" : "<p class=\"data\">For programs:" + links + "</p>\n";
}

std::pair<std::string, std::string> page_of_command(std::string_view text) {
  std::vector<std::string_view> words;
  for (const auto word : std::views::split(text, ' ')) words.emplace_back(word.begin(), word.end());
  if (!words.empty() && words.front() == "fleet") words.erase(words.begin());
  if (!linked || words.empty()) return {};
  const auto option = [&](std::string_view name) -> std::string {
    const auto at = std::ranges::find(words, name);
    return at != words.end() && at + 1 != words.end() ? std::string(*(at + 1)) : "";
  };
  const std::string since = option("--since"), until = option("--until");
  std::string query = since.empty() ? "" : "?since=" + escape_path(since);
  if (!until.empty()) query.append(query.empty() ? "?" : "&amp;").append("until=" + escape_path(until));
  const std::string_view first = words.front();
  const std::string second(words.size() > 1 ? words[1] : "");
  if (first == "--format") return {data_address(second), second == "csv" ? "CSV" : "JSON"};
  if (first == "--since")
    return {asked_for(query, {"since", "until"}), until.empty() ? "the time since " + since : since + " to " + until};
  if (first == "report" && !second.empty()) return {"/report/" + escape_path(second) + query, "report " + second};
  if (first == "status" && *linked == PagesOf::node) return {"/status", "the page of the service"};
  if (first != "incident") return {};
  if (second == "show" && words.size() > 2) {
    const std::string id(words[2]), workload = option("--workload");
    if (id != "latest") return {"/incident/" + escape_path(id), "incident " + id};
    if (workload.empty()) return {"/incident/latest", "the latest OOM kill"};
    return {"/incident/latest?workload=" + escape_path(workload), "the latest OOM kill of " + workload};
  }
  const bool is_all = std::ranges::count(words, "--all") > 0;
  if (is_all) query.append(query.empty() ? "?" : "&amp;").append("all=1");
  return {"/incident" + query, is_all ? "the whole list" : "the list of OOM kills"};
}

}  // namespace cgmm::report
