// SPDX-License-Identifier: Apache-2.0
// TLS of the HTTP client, against servers with certificates that are right, and wrong in each way that happens.

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "net/certificates.hpp"
#include "net/http.hpp"
#include "net/server.hpp"

namespace cgmm::net {
namespace {

using Kind = HttpError::Kind;
using test::Authority;
using test::TestServer;
using test::Visit;

class Tls : public testing::Test {
 protected:
  static constexpr const char* kNames = "DNS:localhost,IP:127.0.0.1";

  static void serve(Visit& visit) {
    while (!visit.request().empty()) visit.answer("secure");
  }

  /// "200 secure", or the sentence with SERVER for the server's place.
  std::string ask(const TestServer& server, HttpSettings settings = {}, const std::string& host = "127.0.0.1") {
    settings.url = server.https_url(host);
    if (settings.ca_file.empty()) settings.ca_file = authority_.ca();
    kind_ = {};
    try {
      HttpClient client(settings);
      const HttpAnswer answer = client.send({});
      return std::to_string(answer.status) + ' ' + answer.body;
    } catch (const HttpError& error) {
      kind_ = error.kind;
      std::string sentence = error.what();
      const std::string place = server.place(host);
      for (std::size_t at = 0; (at = sentence.find(place, at)) != std::string::npos;) {
        sentence.replace(at, place.size(), "SERVER");
      }
      return sentence;
    }
  }

  Authority authority_;
  std::optional<Kind> kind_;  // of the error
};

TEST_F(Tls, TakesACertificateOfTheAuthorityForTheHost) {
  authority_.sign("good", kNames);
  const auto tls = authority_.server("good");
  TestServer server(serve, tls.get());
  EXPECT_EQ(ask(server), "200 secure");
  EXPECT_EQ(ask(server, {}, "localhost"), "200 secure");
}

TEST_F(Tls, KeepsTheConnection) {
  authority_.sign("good", kNames);
  const auto tls = authority_.server("good");
  TestServer server(serve, tls.get());
  HttpClient client({.url = server.https_url(), .ca_file = authority_.ca()});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.send({}).body, "secure");
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(Tls, OpensAConnectionAgainThatTheServerClosed) {
  authority_.sign("good", kNames);
  const auto tls = authority_.server("good");
  TestServer server(
      [](Visit& visit) {
        visit.request();
        visit.answer("secure");
      },
      tls.get());
  HttpClient client({.url = server.https_url(), .ca_file = authority_.ca()});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.send({}).body, "secure");
  EXPECT_EQ(server.connections(), 3);
}

TEST_F(Tls, SendsAndTakesMuch) {
  authority_.sign("good", kNames);
  const auto tls = authority_.server("good");
  TestServer server(
      [](Visit& visit) {
        std::string body = visit.request();
        body.erase(0, body.find("\r\n\r\n") + 4);
        visit.answer(body);
      },
      tls.get());
  HttpClient client({.url = server.https_url(), .ca_file = authority_.ca()});
  const std::string body(10 << 20, 'x');
  EXPECT_EQ(client.send({.body = body}).body, body);
}

TEST_F(Tls, SaysThatACertificateIsForAnotherHost) {
  authority_.sign("other", "DNS:a.example,DNS:b.example,IP:10.0.0.1");
  const auto tls = authority_.server("other");
  TestServer server(serve, tls.get());
  for (const char* const host : {"127.0.0.1", "localhost"}) {
    EXPECT_EQ(ask(server, {}, host), "The certificate of SERVER is not for " + std::string(host) +
                                         ", but for a.example, b.example, 10.0.0.1. Use a name in `url` that it is "
                                         "for, or give the server another certificate.");
    EXPECT_EQ(kind_, Kind::tls);
  }
}

TEST_F(Tls, SaysThatACertificateHasExpired) {
  authority_.sign("old", kNames, -20, -10);
  const auto tls = authority_.server("old");
  TestServer server(serve, tls.get());
  const std::string sentence = ask(server);
  EXPECT_TRUE(sentence.starts_with("The certificate of SERVER has expired at 20")) << sentence;
  EXPECT_TRUE(sentence.ends_with("Z. Renew it on the server, or look at this machine's clock.")) << sentence;
  EXPECT_EQ(kind_, Kind::tls);
}

TEST_F(Tls, SaysThatACertificateIsNotValidYet) {
  authority_.sign("new", kNames, 2, 10);
  const auto tls = authority_.server("new");
  TestServer server(serve, tls.get());
  const std::string sentence = ask(server);
  EXPECT_TRUE(sentence.starts_with("The certificate of SERVER is not valid yet, but from 20")) << sentence;
}

TEST_F(Tls, SaysThatTheAuthorityIsNotTrusted) {
  authority_.sign("good", kNames);
  const auto tls = authority_.server("good");
  TestServer server(serve, tls.get());
  const Authority other("Another authority");
  EXPECT_EQ(ask(server, {.ca_file = other.ca()}),
            "The certificate of SERVER is from an authority that is not trusted here. Name the authority's certificate "
            "in `ca_file`.");
  HttpClient without({.url = server.https_url()});  // the system's authorities
  EXPECT_THROW(without.send({}), HttpError);
}

TEST_F(Tls, ShowsItsCertificateWhereTheServerWantsOne) {
  authority_.sign("good", kNames);
  authority_.sign("me", "DNS:node-1");
  Authority other("Another authority");
  other.sign("stranger", "DNS:node-1");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto tls = authority_.server("good", true, version);
    TestServer server(serve, tls.get());
    EXPECT_EQ(ask(server, {.client_cert_file = authority_.certificate("me"), .client_key_file = authority_.key("me")}),
              "200 secure");

    const std::string without = ask(server);
    EXPECT_EQ(kind_, Kind::tls) << without;
    EXPECT_NE(without.find("client certificate"), std::string::npos) << without;
    EXPECT_NE(without.find("`client_cert_file`"), std::string::npos) << without;

    const std::string strange =
        ask(server, {.client_cert_file = other.certificate("stranger"), .client_key_file = other.key("stranger")});
    EXPECT_EQ(kind_, Kind::tls) << strange;
    EXPECT_TRUE(strange.starts_with("SERVER refuses the client certificate (")) << strange;
  }
}

TEST_F(Tls, SaysWhichFileCanNotBeUsed) {
  authority_.sign("good", kNames);
  authority_.sign("me", "DNS:node-1");
  const auto tls = authority_.server("good");
  TestServer server(serve, tls.get());
  const auto me = authority_.certificate("me");
  const auto garbage = authority_.certificate("garbage");
  std::ofstream(garbage) << "-----BEGIN CERTIFICATE-----\nhush\n-----END CERTIFICATE-----\n";

  EXPECT_TRUE(ask(server, {.ca_file = "/no/such/file"}).starts_with("`ca_file` /no/such/file can't be used: "));
  EXPECT_TRUE(ask(server, {.ca_file = garbage}).starts_with("`ca_file` " + garbage.string() + " can't be used: "));
  EXPECT_EQ(ask(server, {.client_cert_file = me}),
            "`client_cert_file` and `client_key_file` are only of use together. Set both or none.");
  EXPECT_EQ(ask(server, {.client_cert_file = me, .client_key_file = authority_.key("good")}),
            "`client_key_file` is not the key of the certificate in `client_cert_file`.");
  const std::string sentence = ask(server, {.client_cert_file = garbage, .client_key_file = garbage});
  EXPECT_TRUE(sentence.starts_with("`client_cert_file` " + garbage.string())) << sentence;
  EXPECT_EQ(sentence.find("hush"), std::string::npos) << sentence;
}

TEST_F(Tls, DoesNotAskForThePassphraseOfAKey) {
  authority_.sign("good", kNames);
  authority_.sign("me", "DNS:node-1");
  const auto tls = authority_.server("good");
  TestServer server(serve, tls.get());
  const std::filesystem::path locked = authority_.key("locked");
  authority_.lock("me", "locked", "hush");
  const std::string sentence =
      ask(server, {.client_cert_file = authority_.certificate("me"), .client_key_file = locked});
  EXPECT_TRUE(sentence.starts_with("`client_key_file` (a key without a passphrase) " + locked.string())) << sentence;
}

TEST_F(Tls, UsesARenewedCertificateAtTheNextConnection) {
  authority_.sign("good", kNames);
  const auto tls = authority_.server("good");
  TestServer server(
      [](Visit& visit) {
        visit.request();
        visit.answer("secure", "Connection: close\r\n");
      },
      tls.get());
  const std::filesystem::path trusted = authority_.certificate("trusted");
  std::filesystem::copy_file(Authority("Another authority").ca(), trusted);
  HttpClient client({.url = server.https_url(), .ca_file = trusted});
  EXPECT_THROW(client.send({}), HttpError);
  std::filesystem::copy_file(authority_.ca(), trusted, std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(client.send({}).body, "secure");
}

TEST_F(Tls, RefusesOldVersions) {
  authority_.sign("good", kNames);
  const auto tls = authority_.server("good", false, TLS1_1_VERSION);
  ::SSL_CTX_set_security_level(tls.get(), 0);
  ::SSL_CTX_set_min_proto_version(tls.get(), TLS1_VERSION);
  TestServer server(serve, tls.get());
  EXPECT_EQ(ask(server),
            "SERVER only speaks versions of TLS before 1.2, which are not safe. Turn on TLS 1.2 on the server.");
}

TEST_F(Tls, SaysThatAServerDoesNotSpeakTls) {
  TestServer server([](Visit& visit) {
    visit.read(1);
    visit.write("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  EXPECT_EQ(ask(server), "SERVER does not speak TLS. Is this the port for https, or should `url` begin with http://?");
  TestServer silent([](Visit& visit) { visit.read(1); });
  EXPECT_FALSE(ask(silent).starts_with("200"));
}

TEST_F(Tls, GivesUpOnAServerThatStalls) {
  TestServer server([](Visit& visit) { visit.wait_until_client_goes(); });
  EXPECT_EQ(ask(server, {.connect_timeout = std::chrono::milliseconds{200}}),
            "SERVER does not begin TLS in time. Is this the port for https?");
  EXPECT_EQ(kind_, Kind::timeout);
}

TEST_F(Tls, DoesNotTakeACutAnswerForAWholeOne) {
  authority_.sign("good", kNames);
  const auto tls = authority_.server("good");
  // It has no length, so only TLS tells that the end is the end.
  const std::string answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nsecure";
  TestServer cut(
      [&answer](Visit& visit) {
        visit.request();
        visit.write(answer);
        visit.end_without_goodbye();
      },
      tls.get());
  EXPECT_EQ(ask(cut), "SERVER closed the connection in the middle of its answer. Its log may say why.");
  EXPECT_EQ(kind_, Kind::closed);
  TestServer whole(
      [&answer](Visit& visit) {
        visit.request();
        visit.write(answer);
      },
      tls.get());
  EXPECT_EQ(ask(whole), "200 secure");
}

TEST_F(Tls, SurvivesAServerThatGoesWhileTheBodyIsSent) {
  authority_.sign("good", kNames);
  const auto tls = authority_.server("good");
  TestServer server(
      [](Visit& visit) {
        visit.read(10'000);
        visit.reset();
      },
      tls.get());
  HttpClient client({.url = server.https_url(), .ca_file = authority_.ca()});
  const std::string body(20 << 20, 'x');
  for (int i = 0; i < 3; ++i) {  // without SIGPIPE
    try {
      client.send({.body = body});
      ADD_FAILURE() << "no answer came";
    } catch (const HttpError& error) {
      EXPECT_EQ(error.kind, Kind::closed) << error.what();
      EXPECT_TRUE(error.was_sent);
    }
  }
}

}  // namespace
}  // namespace cgmm::net
