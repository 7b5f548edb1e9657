// SPDX-License-Identifier: Apache-2.0
#include "net/http.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <functional>
#include <random>
#include <string>
#include <thread>

#include "net/server.hpp"
#include "support/pipe.hpp"

namespace cgmm::net {
namespace {

using Kind = HttpError::Kind;
using test::TestServer;
using test::Visit;

/// What a request ends with: "200 body", or the error's sentence.
struct Result {
  int status = 0;
  std::string body;
  std::optional<Kind> kind;
  bool was_sent = false;
  std::string sentence;
};

Result send(HttpClient& client, const HttpRequest& request = {}) {
  try {
    HttpAnswer answer = client.send(request);
    return {answer.status, std::move(answer.body), {}, true, ""};
  } catch (const HttpError& error) {
    return {0, "", error.kind, error.was_sent, error.what()};
  }
}

Result send(HttpSettings settings, const HttpRequest& request = {}) {
  HttpClient client(std::move(settings));
  return send(client, request);
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

TEST(HttpClient, SendsTheRequestAsItIs) {
  std::string got;
  TestServer server([&got](Visit& visit) {
    got = visit.request();
    visit.answer("Ok.\n", "X-ClickHouse-Query-Id: 7\r\n");
  });
  HttpClient client({.url = server.url() + "/base/"});
  const HttpAnswer answer =
      client.send({.target = "/?query=SELECT%201", .headers = {{"X-ClickHouse-User", "me"}}, .body = "rows"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "Ok.\n");
  EXPECT_EQ(answer.header("X-ClickHouse-Query-Id"), "7");
  EXPECT_EQ(got, "POST /base/?query=SELECT%201 HTTP/1.1\r\nHost: " + server.place() +
                     "\r\nX-ClickHouse-User: me\r\nContent-Length: 4\r\n\r\nrows");
}

TEST(HttpClient, GivesTheAnswerWhateverItsStatus) {
  TestServer server([](Visit& visit) {
    visit.request();
    visit.answer("Code: 60", "", "500 Internal Server Error");
  });
  const Result result = send({.url = server.url()});
  EXPECT_EQ(result.status, 500);
  EXPECT_EQ(result.body, "Code: 60");
}

TEST(HttpClient, SpeaksIpv6) {
  std::unique_ptr<TestServer> server;
  try {
    server = std::make_unique<TestServer>(
        [](Visit& visit) {
          const std::string got = visit.request();
          visit.answer(got.substr(got.find("Host"), 12));
        },
        nullptr, AF_INET6);
  } catch (const std::runtime_error&) {
    GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: this machine has no IPv6 on loopback";
  }
  EXPECT_EQ(send({.url = server->url("[::1]")}).body, "Host: [::1]:");
}

TEST(HttpClient, LooksUpNames) {
  TestServer server([](Visit& visit) {
    visit.request();
    visit.answer("here");
  });
  EXPECT_EQ(send({.url = server.url("localhost")}).body, "here");
}

TEST(HttpClient, KeepsTheConnection) {
  TestServer server([](Visit& visit) {
    while (!visit.request().empty()) visit.answer("x");
  });
  HttpClient client({.url = server.url()});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(send(client).status, 200);
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, OpensAConnectionAgainThatTheServerClosedBetweenRequests) {
  TestServer server([](Visit& visit) {
    visit.request();
    visit.answer("x");
  });
  HttpClient client({.url = server.url()});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(client).status, 200);
  EXPECT_EQ(server.connections(), 3);
}

TEST(HttpClient, SendsAgainOnceWhereAKeptConnectionIsClosedWithoutAnAnswer) {
  std::atomic<int> requests = 0;
  TestServer server([&requests](Visit& visit) {  // answers the first request of a connection, and closes at the second
    if (visit.request().empty()) return;
    ++requests;
    visit.answer("x");
    if (!visit.request().empty()) ++requests;
    visit.reset();
  });
  HttpClient client({.url = server.url()});
  EXPECT_EQ(send(client).status, 200);
  EXPECT_EQ(send(client).status, 200);  // twice on the way
  EXPECT_EQ(requests, 3);
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, DoesNotSendAgainWhereAnAnswerHadBegun) {
  std::atomic<int> requests = 0;
  TestServer server([&requests](Visit& visit) {
    while (!visit.request().empty()) {
      if (++requests == 2) return visit.write("HTTP/1.1 200 ");
      visit.answer("x");
    }
  });
  HttpClient client({.url = server.url()});
  EXPECT_EQ(send(client).status, 200);
  const Result second = send(client);
  EXPECT_EQ(second.kind, Kind::closed);
  EXPECT_TRUE(second.was_sent);
  EXPECT_EQ(requests, 2);
  EXPECT_EQ(send(client).status, 200);  // the client can be used on
}

TEST(HttpClient, DoesNotSendAgainOnANewConnection) {
  TestServer server([](Visit& visit) { visit.request(); });
  const Result result = send({.url = server.url()});
  EXPECT_EQ(result.kind, Kind::closed);
  EXPECT_TRUE(result.was_sent);
  EXPECT_EQ(result.sentence, server.place() + " closed the connection without an answer. Its log may say why.");
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, TakesAnAnswerThatComesBeforeTheBodyIsSent) {
  TestServer server([](Visit& visit) {
    visit.read(1000);
    visit.answer("Code: 516. Authentication failed", "", "403 Forbidden");
    visit.wait_until_client_goes();
  });
  const std::string body(50 << 20, 'x');
  const Result result = send({.url = server.url()}, {.body = body});
  EXPECT_EQ(result.status, 403);
  EXPECT_EQ(result.body, "Code: 516. Authentication failed");
}

TEST(HttpClient, SendsALargeBodyWhole) {
  std::size_t got = 0;
  TestServer server([&got](Visit& visit) {
    got = visit.request().size();
    visit.answer("");
  });
  const std::string body(20 << 20, 'x');
  EXPECT_EQ(send({.url = server.url()}, {.body = body}).status, 200);
  EXPECT_GT(got, body.size());
}

TEST(HttpClient, SaysThatNothingListens) {
  std::string place;
  {
    const TestServer gone([](Visit&) {});
    place = gone.place();
  }
  const Result result = send({.url = "http://" + place});
  EXPECT_EQ(result.kind, Kind::connect);
  EXPECT_FALSE(result.was_sent);
  EXPECT_EQ(result.sentence,
            place + " can't be reached: nothing listens there. Does the server run, and is the port right?");
}

TEST(HttpClient, SaysThatAHostIsNotKnown) {
  const Result result = send({.url = "http://no-such-host.invalid:8123", .connect_timeout = std::chrono::seconds{20}});
  EXPECT_TRUE(result.kind == Kind::resolve || result.kind == Kind::timeout) << result.sentence;
  EXPECT_NE(result.sentence.find("no-such-host.invalid"), std::string::npos) << result.sentence;
  EXPECT_FALSE(result.was_sent);
}

TEST(HttpClient, GivesUpOnAServerThatStalls) {
  const std::function<void(Visit&)> stalls[] = {
      [](Visit& visit) { visit.wait_until_client_goes(); },
      [](Visit& visit) {
        visit.request();
        visit.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        visit.wait_until_client_goes();
      },
  };
  const std::string sentences[] = {" did not answer in time. Is it overloaded?",
                                   " did not finish its answer in time. Is it overloaded?"};
  for (std::size_t i = 0; i < std::size(stalls); ++i) {
    TestServer server(stalls[i]);
    const Result result = send({.url = server.url(), .total_timeout = std::chrono::milliseconds{200}});
    EXPECT_EQ(result.kind, Kind::timeout);
    EXPECT_TRUE(result.was_sent);
    EXPECT_EQ(result.sentence, server.place() + sentences[i]);
  }
}

TEST(HttpClient, GivesUpOnAServerThatTakesNoBody) {
  std::atomic<bool> is_over = false;
  TestServer server([&is_over](Visit&) {
    while (!is_over) std::this_thread::sleep_for(std::chrono::milliseconds{5});
  });
  const std::string body(50 << 20, 'x');
  EXPECT_EQ(send({.url = server.url(), .total_timeout = std::chrono::milliseconds{200}}, {.body = body}).kind,
            Kind::timeout);
  is_over = true;
}

TEST(HttpClient, GivesUpOnAServerThatAnswersByteByByte) {
  TestServer server([](Visit& visit) {
    visit.request();
    visit.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::atomic<bool> is_over = false;
    std::thread drip([&visit, &is_over] {
      while (!is_over) {
        visit.write("1\r\nx\r\n");
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
      }
    });
    visit.wait_until_client_goes();
    is_over = true;
    drip.join();
  });
  EXPECT_EQ(send({.url = server.url(), .total_timeout = std::chrono::milliseconds{200}}).kind, Kind::timeout);
}

TEST(HttpClient, StopsAtOnce) {
  const test::Pipe stop = test::make_pipe();
  TestServer server([&stop](Visit& visit) {
    visit.request();
    EXPECT_EQ(::write(stop[1].get(), "x", 1), 1);
    visit.wait_until_client_goes();
  });
  HttpClient client({.url = server.url(), .stop_fd = stop[0].get()});
  const Result first = send(client);
  EXPECT_EQ(first.kind, Kind::stopped);
  EXPECT_TRUE(first.was_sent);
  const Result second = send(client);
  EXPECT_EQ(second.kind, Kind::stopped);
  EXPECT_FALSE(second.was_sent);
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, TakesNoMoreThanItsLimit) {
  TestServer server([](Visit& visit) {
    visit.request();
    visit.write("HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 1000; ++i) visit.write(std::string(10'000, 'x'));
  });
  const Result result = send({.url = server.url(), .max_answer_bytes = 100'000});
  EXPECT_EQ(result.kind, Kind::too_big);
  EXPECT_TRUE(result.was_sent);
}

TEST(HttpClient, FollowsAGetToTheSameServer) {
  TestServer server([](Visit& visit) {
    for (;;) {
      const std::string got = visit.request();
      if (got.empty()) return;
      if (got.starts_with("GET /old/x?q ")) visit.answer("", "Location: y?r\r\n", "302 Found");
      else if (got.starts_with("GET /old/y?r ")) visit.answer("", "Location: /new\r\n", "308 Permanent Redirect");
      else if (got.starts_with("GET /loop ")) visit.answer("", "Location: /loop\r\n", "302 Found");
      else visit.answer(got.substr(0, got.find(" HTTP")));
    }
  });
  HttpClient client({.url = server.url()});
  EXPECT_EQ(send(client, {.method = "GET", .target = "/old/x?q"}).body, "GET /new");
  const Result loop = send(client, {.method = "GET", .target = "/loop"});
  EXPECT_EQ(loop.kind, Kind::redirect);
  EXPECT_EQ(loop.sentence, server.place() + " redirects again and again. Change it there.");
}

TEST(HttpClient, DoesNotFollowElsewhere) {
  std::atomic<int> visits = 0;
  TestServer other([&visits](Visit&) { ++visits; });
  const auto refusal = [&](const std::string& location, const std::string& method) {
    TestServer server([&](Visit& visit) {
      visit.request();
      visit.answer("", "Location: " + location + "\r\n", "307 Temporary Redirect");
    });
    const Result result =
        send({.url = server.url()}, {.method = method, .headers = {{"Authorization", "Basic aHVzaA=="}}});
    EXPECT_EQ(result.kind, Kind::redirect) << location;
    return replaced(replaced(result.sentence, server.place(), "SERVER"), other.place(), "OTHER");
  };
  EXPECT_EQ(refusal("http://me:hush@" + other.place() + "/?hush", "GET"),
            "SERVER answers with a redirect (307) to http://OTHER. Passwords are not sent there. If it is the right "
            "server, name it in `url`.");
  EXPECT_EQ(refusal("//" + other.place() + "/", "POST").substr(0, 55),
            "SERVER answers with a redirect (307) to http://OTHER. P");
  EXPECT_EQ(refusal("/play", "POST"),
            "SERVER answers with a redirect (307) to another path on http://SERVER. Change the path in `url`.");
  EXPECT_EQ(refusal("https://b ad", "GET"),
            "SERVER answers with a redirect (307) to no address that can be used. Is `url` right?");
  EXPECT_EQ(visits, 0);
}

TEST(HttpClient, RefusesARequestThatCouldBecomeTwo) {
  std::atomic<int> visits = 0;
  TestServer server([&visits](Visit&) { ++visits; });
  const HttpRequest bad[] = {{.target = "/ HTTP/1.1\r\nX: y"},
                             {.headers = {{"X-ClickHouse-Key", "hush\r\nX: y"}}},
                             {.headers = {{"X-ClickHouse-Key", "hush\n"}}},
                             {.headers = {{"X: y\r\nZ", "hush"}}},
                             {.headers = {{"", "hush"}}},
                             {.method = "GET\r\n"}};
  for (const HttpRequest& request : bad) {
    const Result result = send({.url = server.url()}, request);
    EXPECT_EQ(result.kind, Kind::bad_url);
    EXPECT_EQ(result.sentence.find("hush"), std::string::npos) << result.sentence;
  }
  EXPECT_EQ(visits, 0);
}

TEST(HttpClient, RefusesSettingsThatCanNotWork) {
  const auto refusal = [](const HttpSettings& settings) -> std::string {
    try {
      const HttpClient client(settings);
    } catch (const HttpError& error) {
      EXPECT_EQ(error.kind, Kind::bad_url);
      return error.what();
    }
    return "taken";
  };
  EXPECT_EQ(refusal({.url = "http://me:hush@a"}),
            "The setting `url` has a user or password in it. Use `user` and `password_file` for these.");
  EXPECT_EQ(refusal({.url = "http://a/?query=x"}), "The setting `url` has a \"?\" in it. It ends before that.");
  EXPECT_EQ(refusal({.url = "http://a", .proxy = "https://p"}),
            "The setting `proxy` has to be of the form http://host:port.");
  EXPECT_EQ(refusal({.url = "http://a", .proxy = "p:3128"}).substr(0, 34), "The setting `proxy` has to begin w");
}

// A server that answers with anything: an answer or an HttpError, and the client can be used on.
TEST(HttpClient, SurvivesGarbage) {
  std::mt19937 random(3);
  const std::string parts[] = {"HTTP/1.1 ",
                               "200 ",
                               "OK\r\n",
                               "\r\n",
                               "\r\n\r\n",
                               "Content-Length: ",
                               "5",
                               "99",
                               "Transfer-Encoding: chunked",
                               "hello",
                               "Location: //x",
                               "302 ",
                               "Content-Encoding: gzip",
                               "Connection: close",
                               "100 Continue",
                               std::string(1, '\0'),
                               "\xff"};
  TestServer server([&](Visit& visit) {
    while (!visit.request().empty()) {
      std::string text = random() % 4 == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx" : "HTTP/1.1 200 OK\r\n";
      for (auto left = random() % 8; left > 0; --left) text += parts[random() % std::size(parts)];
      visit.write(text);
      if (random() % 3 != 0) return;
    }
  });
  HttpClient client({.url = server.url(), .total_timeout = std::chrono::milliseconds{50}, .max_answer_bytes = 1000});
  for (int i = 0; i < 200; ++i) send(client, {.method = i % 2 == 0 ? "GET" : "POST"});
}

}  // namespace
}  // namespace cgmm::net
