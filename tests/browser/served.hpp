// SPDX-License-Identifier: Apache-2.0
#pragma once

// A `serve` over the test's history, for pages that are used in a browser. One thread.

#include <memory>
#include <string>
#include <vector>

#include "browser/devtools.hpp"

namespace cgmm::test {

class ServedPageTest : public BrowserTest {
 protected:
  void begin_serving() {
    serving_ = std::make_unique<ServiceProcess>(
        std::vector<std::string>{"serve", "--listen", "127.0.0.1:0", "--config", config(), "--database", database()},
        log());
    ASSERT_TRUE(eventually([&] { return content_of(log()).find("serves http") != std::string::npos; }));
    const std::string said = content_of(log());
    const std::size_t at = said.rfind("http://127.0.0.1:");
    url_ = said.substr(at, said.find('/', at + 7) - at);
  }
  void TearDown() override {
    if (serving_) {
      serving_->signal(SIGTERM);
      EXPECT_EQ(serving_->wait_for_exit(), 0);
    }
    BrowserTest::TearDown();
  }
  /// Nothing was logged, the policy refused nothing, and all came from `serve`.
  void expect_clean(const Tab& tab) const {
    for (const std::string& line : tab.console) ADD_FAILURE() << "logged: " << line;
    for (const std::string& request : tab.requests) {
      EXPECT_TRUE(request.starts_with(url_ + "/") || request == "data:," || request == "about:blank") << request;
    }
  }

  std::string url_;  // "http://127.0.0.1:4711"

 private:
  std::unique_ptr<ServiceProcess> serving_;
};

}  // namespace cgmm::test
