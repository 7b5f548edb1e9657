// SPDX-License-Identifier: Apache-2.0
#pragma once

// A browser that is used: headless Chromium loads pages of `serve`, and a test drags, presses keys and asks what is to
// be seen, over the DevTools protocol in two pipes. One thread.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "browser/browser.hpp"

namespace cgmm::test {

class Tab {
 public:
  explicit Tab(const Viewport& viewport = kDesktop) {
    int to_browser[2], from_browser[2];
    if (::pipe2(to_browser, O_CLOEXEC) != 0 || ::pipe2(from_browser, O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe");
    const base::Fd read_end(to_browser[0]), write_end(from_browser[1]);
    write_ = base::Fd(to_browser[1]);
    read_ = base::Fd(from_browser[0]);
    child_.emplace(ChildProcess::fork_off([&] {
      // Away from 3 and 4 first, which may be the ones that are needed.
      const int in = ::fcntl(read_end.get(), F_DUPFD, 10), out = ::fcntl(write_end.get(), F_DUPFD, 10);
      ::dup2(in, 3);
      ::dup2(out, 4);
      return Browser::become_chromium(files_.path(), viewport, {files_.path() / "out", files_.path() / "err"});
    }));
    const std::string target = call("Target.createTarget", {{"url", "about:blank"}}).at("targetId");
    session_ = call("Target.attachToTarget", {{"targetId", target}, {"flatten", true}}).at("sessionId");
    for (const char* const domain : {"Page.enable", "Runtime.enable", "Log.enable", "Network.enable"}) call(domain);
    call("Emulation.setDeviceMetricsOverride",
         {{"width", viewport.width}, {"height", viewport.height}, {"deviceScaleFactor", 1}, {"mobile", false}});
  }

  void open(const std::string& url) {
    loaded_ = false;
    call("Page.navigate", {{"url", url}});
    await_load();
  }
  /// Of what `act` leads to.
  template <class Act>
  void expect_load(Act act) {
    loaded_ = false;
    act();
    await_load();
  }
  /// The value of an expression in the page.
  nlohmann::json ask(const std::string& expression) {
    const auto answer =
        call("Runtime.evaluate", {{"expression", expression}, {"returnByValue", true}, {"awaitPromise", true}});
    if (answer.contains("exceptionDetails")) throw std::runtime_error(expression + ": " + answer.dump());
    return answer.at("result").value("value", nlohmann::json());
  }
  void press(const std::string& key, const std::string& text = "") {
    nlohmann::json event{{"type", "keyDown"}, {"key", key}};
    if (!text.empty()) event["text"] = text;
    call("Input.dispatchKeyEvent", event);
    call("Input.dispatchKeyEvent", {{"type", "keyUp"}, {"key", key}});
  }
  void drag(double from_x, double to_x, double y) {
    const auto mouse = [&](const char* type, double x, int buttons) {
      call("Input.dispatchMouseEvent",
           {{"type", type}, {"x", x}, {"y", y}, {"button", "left"}, {"buttons", buttons}, {"clickCount", 1}});
    };
    mouse("mousePressed", from_x, 1);
    mouse("mouseMoved", (from_x + to_x) / 2, 1);
    mouse("mouseMoved", to_x, 1);
    mouse("mouseReleased", to_x, 0);
  }
  void swipe(double from_x, double to_x, double y) {
    const auto touch = [&](const char* type, const nlohmann::json& points) {
      call("Input.dispatchTouchEvent", {{"type", type}, {"touchPoints", points}});
    };
    const auto at = [&](double x) { return nlohmann::json::array({{{"x", x}, {"y", y}}}); };
    touch("touchStart", at(from_x));
    touch("touchMove", at((from_x + to_x) / 2));
    touch("touchMove", at(to_x));
    touch("touchEnd", nlohmann::json::array());
  }
  nlohmann::json call(const std::string& method, const nlohmann::json& parameters = nlohmann::json::object()) {
    nlohmann::json message{{"id", ++id_}, {"method", method}, {"params", parameters}};
    if (!session_.empty()) message["sessionId"] = session_;
    const std::string text = message.dump() + '\0';
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t written = ::write(write_.get(), text.data() + at, text.size() - at);
      if (written <= 0) throw std::runtime_error("chromium takes no command");
      at += static_cast<std::size_t>(written);
    }
    for (;;) {
      const nlohmann::json answer = next();
      if (answer.value("id", 0) != id_) continue;
      if (answer.contains("error")) throw std::runtime_error(method + ": " + answer.dump());
      return answer.at("result");
    }
  }

  std::vector<std::string> console;   // what was logged, what the policy refused among it
  std::vector<std::string> requests;  // all that was fetched

 private:
  void await_load() {
    while (!loaded_) next();
  }

  nlohmann::json next() {
    std::size_t end = 0;
    while ((end = received_.find('\0')) == std::string::npos) {
      pollfd readable{read_.get(), POLLIN, 0};
      std::array<char, 65536> bytes;
      const ssize_t got = ::poll(&readable, 1, 60'000) > 0 ? ::read(read_.get(), bytes.data(), bytes.size()) : 0;
      if (got <= 0) throw std::runtime_error("chromium says nothing; it said:\n" + content_of(files_.path() / "err"));
      received_.append(bytes.data(), static_cast<std::size_t>(got));
    }
    const auto message = nlohmann::json::parse(received_.substr(0, end));
    received_.erase(0, end + 1);
    const std::string method = message.value("method", "");
    if (method == "Page.loadEventFired") loaded_ = true;
    if (method == "Network.requestWillBeSent") requests.push_back(message.at("params").at("request").at("url"));
    if (method == "Runtime.consoleAPICalled" || method == "Log.entryAdded" || method == "Runtime.exceptionThrown")
      console.push_back(message.at("params").dump());
    return message;
  }

  const TempDir files_;
  base::Fd read_, write_;
  std::optional<ChildProcess> child_;
  std::string received_, session_;
  int id_ = 0;
  bool loaded_ = false;
};

}  // namespace cgmm::test
