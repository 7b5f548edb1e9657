// SPDX-License-Identifier: Apache-2.0
#include "net/answer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "net/gzip.hpp"

namespace cgmm::net {
namespace {

using Kind = HttpError::Kind;
using namespace std::string_literals;

constexpr std::size_t kMax = 1 << 20;

/// The whole answer in pieces of this size; nullopt: there is more to come.
std::optional<HttpAnswer> read(std::string_view text, std::size_t piece, std::string_view method = "POST",
                               std::size_t max = kMax) {
  AnswerReader reader("db:8123", method, max);
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) reader.take(text.substr(0, piece));
  if (!reader.is_whole()) return std::nullopt;
  return reader.answer();
}

struct Refusal {
  std::optional<Kind> kind;  // nullopt: it was taken
  std::string sentence;
};

Refusal refusal(std::string_view text, bool ends = true) {
  try {
    AnswerReader reader("db:8123", "POST", kMax);
    reader.take(text);
    if (ends) reader.take_end();
    if (reader.is_whole()) reader.answer();
  } catch (const HttpError& error) {
    return {error.kind, error.what()};
  }
  return {};
}

TEST(Answer, IsTheSameHoweverItIsCut) {
  const std::string with_length = "HTTP/1.1 200 OK\r\nX-ClickHouse-Summary: {}\r\nContent-Length: 5\r\n\r\nhello";
  const std::string in_chunks =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-ClickHouse-Summary: "
      "{}\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
  const std::string after_others = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + with_length;
  for (const std::string& text : {with_length, in_chunks, after_others}) {
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
      const auto answer = read(text, piece);
      ASSERT_TRUE(answer) << text << piece;
      EXPECT_EQ(answer->status, 200);
      EXPECT_EQ(answer->body, "hello");
      EXPECT_EQ(answer->header("x-clickhouse-summary"), "{}");
      EXPECT_EQ(answer->header("x-other"), "");
    }
  }
}

TEST(Answer, EndsWithTheConnectionWhereItHasNoLength) {
  AnswerReader reader("db:8123", "POST", kMax);
  reader.take("HTTP/1.1 500 Oh\r\n\r\nCode: 60. DB::");
  EXPECT_FALSE(reader.is_whole());
  reader.take("Exception");
  reader.take_end();
  ASSERT_TRUE(reader.is_whole());
  EXPECT_FALSE(reader.keeps());
  EXPECT_EQ(reader.answer().body, "Code: 60. DB::Exception");
}

TEST(Answer, KnowsWhichAnswersHaveNoBody) {
  EXPECT_TRUE(read("HTTP/1.1 204 No\r\n\r\n", 99));
  EXPECT_TRUE(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 99, "HEAD"));
  EXPECT_FALSE(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 99, "GET"));
}

TEST(Answer, ToConnectEndsAfterItsHeader) {
  AnswerReader yes("The proxy p:3128", "CONNECT", kMax);
  yes.take("HTTP/1.1 200 Connection established\r\n");
  EXPECT_FALSE(yes.is_whole());
  yes.take("\r\n");
  EXPECT_TRUE(yes.is_whole());
  EXPECT_FALSE(yes.has_rest());
  EXPECT_EQ(read("HTTP/1.1 403 Forbidden\r\nContent-Length: 900\r\n\r\n<html>", 99, "CONNECT")->status, 403);
}

TEST(Answer, TellsWhetherTheConnectionIsKept) {
  const auto keeps = [](std::string_view text) {
    AnswerReader reader("db:8123", "POST", kMax);
    reader.take(text);
    EXPECT_TRUE(reader.is_whole()) << text;
    return reader.keeps() && !reader.has_rest();
  };
  EXPECT_TRUE(keeps("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

TEST(Answer, IsUnpacked) {
  GzipWriter writer;
  writer.write("hello");
  const std::string body = writer.finish();
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ";
  EXPECT_EQ(read(head + std::to_string(body.size()) + "\r\n\r\n" + body, 3)->body, "hello");
  EXPECT_EQ(read(head + "0\r\n\r\n", 99)->body, "");
  EXPECT_EQ(refusal(head + "3\r\n\r\nabc").kind, Kind::bad_answer);
  EXPECT_EQ(refusal("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx").kind, Kind::bad_answer);
  writer.write(std::string(kMax + 1, 'x'));
  const std::string bomb = writer.finish();
  EXPECT_EQ(refusal(head + std::to_string(bomb.size()) + "\r\n\r\n" + bomb).kind, Kind::too_big);
}

TEST(Answer, RefusesWhatIsTooBigOrNoHttp) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(refusal(ok + "Content-Length: 1048577\r\n\r\n").kind, Kind::too_big);
  EXPECT_EQ(refusal(ok + "Content-Length: 1048577\r\n\r\n").sentence,
            "db:8123 answers with more than 1.0 MiB. Ask for less, or raise the limit.");
  EXPECT_EQ(refusal(ok + "\r\n" + std::string(kMax + 1, 'x'), false).kind, Kind::too_big);
  EXPECT_EQ(refusal(ok + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n").kind, Kind::too_big);
  EXPECT_EQ(refusal(ok + "X: " + std::string(70'000, 'x'), false).kind, Kind::too_big);
  for (const std::string& bad :
       {std::string(70'000, 'x'), "SSH-2.0-OpenSSH\r\n\r\n"s, "\x15\x03\x01\0\2\2\x46\r\n\r\n"s,
        "HTTP/1.1 20 OK\r\n\r\n"s, "HTTP/9 200 OK\r\n\r\n"s, "HTTP/1.1 abc OK\r\n\r\n"s, ok + "no colon\r\n\r\n",
        ok + "Content-Length: x\r\n\r\n", ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 101 Switching\r\n\r\n"s}) {
    EXPECT_EQ(refusal(bad, false).kind, Kind::bad_answer) << bad;
  }
  std::string endless;
  for (int i = 0; i < 20; ++i) endless += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(refusal(endless, false).kind, Kind::bad_answer);
}

TEST(Answer, TellsWhereItWasCut) {
  EXPECT_EQ(refusal("").sentence, "db:8123 closed the connection without an answer. Its log may say why.");
  for (const char* const part :
       {"HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n"}) {
    EXPECT_EQ(refusal(part).sentence, "db:8123 closed the connection in the middle of its answer. Its log may say why.")
        << part;
  }
}

// Whatever comes, however it is cut: an answer, an HttpError, or more to come; within the bounds.
TEST(Answer, SurvivesDamagedAnswers) {
  GzipWriter writer;
  writer.write("some text");
  const std::string packed = writer.finish();
  const std::string seeds[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 503 No\r\n\r\nuntil the end",
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(packed.size()) + "\r\n\r\n" +
          packed,
  };
  std::mt19937 random(1);
  const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seeds[below(std::size(seeds))];
    for (std::size_t changes = 1 + below(4); changes > 0 && !text.empty(); --changes) {
      const std::size_t at = below(text.size());
      switch (below(5)) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + below(8));
          break;
        case 2:
          text.insert(at, text.substr(below(text.size()), below(20)));
          break;
        case 3:
          text.resize(at);
          break;
        default:
          text.insert(at, "\r\n");
          break;
      }
    }
    try {
      AnswerReader reader("db:8123", "POST", 100);
      for (std::string_view rest = text; !rest.empty();) {
        const std::size_t size = 1 + below(rest.size());
        reader.take(rest.substr(0, size));
        rest.remove_prefix(size);
      }
      reader.take_end();
      EXPECT_TRUE(reader.is_whole());
      EXPECT_LE(reader.answer().body.size(), std::size_t{100});
    } catch (const HttpError&) {
    }
  }
}

}  // namespace
}  // namespace cgmm::net
