// SPDX-License-Identifier: Apache-2.0
#include "serve/answers.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>

#include "support/eventually.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::serve {
namespace {

/// Answers by /bin/sh, which may wait for a file.
class AnswersTest : public ::testing::Test {
 protected:
  static Route route(const std::string& script) { return {.arguments = {"-c", script}, .type = "text/plain"}; }
  std::string file(const std::string& name) const { return (files_.path() / name).string(); }
  std::string waits() const { return "while [ ! -e " + file("go") + " ]; do sleep 0.01; done; echo waited"; }
  void go() const { std::ofstream(file("go")) << ""; }

  void ask(Answers& answers, const std::string& script, std::function<bool()> is_wanted = [] { return true; }) {
    answers.ask(route(script), taken(std::move(is_wanted)));
  }
  net::Server::Answer taken(std::function<bool()> is_wanted = [] { return true; }) {
    return {.give =
                [this](const net::ServerAnswer& answer) {
                  const base::Lock lock(mutex_);
                  got_.push_back(answer);
                },
            .is_wanted = std::move(is_wanted)};
  }
  std::size_t count() {
    const base::Lock lock(mutex_);
    return got_.size();
  }
  std::vector<net::ServerAnswer> got() {
    const base::Lock lock(mutex_);
    return got_;
  }

 private:
  test::TempDir files_;
  base::Mutex mutex_;
  std::vector<net::ServerAnswer> got_ CGMM_GUARDED_BY(mutex_);
};

TEST_F(AnswersTest, WhoAsksForWhatWaitsAlreadyGetsTheSame) {
  Answers answers({.program = "/bin/sh", .place = {}, .bounds = {}, .programs = 1, .waiting = 2});
  ask(answers, "touch " + file("runs") + "; " + waits());
  ASSERT_TRUE(test::eventually([&] { return std::filesystem::exists(file("runs")); }));
  const std::string counts = "echo one >> " + file("count") + "; cat " + file("count");
  for (int i = 0; i < 5; ++i) ask(answers, counts);
  ask(answers, "echo other");
  ask(answers, "echo one too many");
  ASSERT_EQ(count(), 1u);
  EXPECT_EQ(got()[0].status, 503);
  go();
  ASSERT_TRUE(test::eventually([&] { return count() == 8; }));
  EXPECT_EQ(*got()[1].shared_body, "waited\n");
  for (std::size_t i = 2; i < 7; ++i) {
    EXPECT_EQ(*got()[i].shared_body, "one\n") << "it ran once";
    EXPECT_EQ(got()[i].shared_body, got()[2].shared_body) << "and is there once";
  }
  EXPECT_EQ(*got()[7].shared_body, "other\n");
}

TEST_F(AnswersTest, WhatRunsAlreadyIsTooOldForWhoAsksNow) {
  Answers answers({.program = "/bin/sh", .place = {}, .bounds = {}, .programs = 2, .waiting = 9});
  const std::string counts = "echo one >> " + file("count") + "; " + waits();
  for (std::size_t runs = 1; runs <= 2; ++runs) {
    ask(answers, counts);
    EXPECT_TRUE(test::eventually([&] {
      return std::filesystem::exists(file("count")) && std::filesystem::file_size(file("count")) == 4 * runs;
    }));
  }
  go();
  EXPECT_TRUE(test::eventually([&] { return count() == 2; }));
}

TEST_F(AnswersTest, WhoLeavesMakesRoomAndWhatNobodyWantsIsNotMade) {
  std::atomic<bool> is_there = true;
  const auto while_there = [&] { return is_there.load(); };
  Answers answers({.program = "/bin/sh", .place = {}, .bounds = {}, .programs = 1, .waiting = 2, .asking = 4});
  ask(answers, "touch " + file("runs") + "; exec sleep 1800", while_there);
  ASSERT_TRUE(test::eventually([&] { return std::filesystem::exists(file("runs")); }));
  ask(answers, "touch " + file("one"), while_there);
  ask(answers, "touch " + file("other"), while_there);
  ask(answers, "echo one too many");
  EXPECT_EQ(count(), 1u) << "two different ones wait";
  ask(answers, "touch " + file("one"), while_there);
  ask(answers, "touch " + file("one"));
  EXPECT_EQ(count(), 2u) << "four ask";
  is_there = false;  // all who asked before
  ask(answers, "echo for one who is there");
  EXPECT_TRUE(test::eventually([&] { return count() == 3; })) << "the program that nobody wants is ended";
  EXPECT_EQ(got()[2].status, 200);
  EXPECT_EQ(*got()[2].shared_body, "for one who is there\n");
  EXPECT_FALSE(std::filesystem::exists(file("one")));
  EXPECT_FALSE(std::filesystem::exists(file("other")));
}

TEST_F(AnswersTest, TheSameIsGivenAgainAsLongAsTheStateIsTheSame) {
  std::atomic<int> state = 1;
  Answers answers({.program = "/bin/sh",
                   .place = {},
                   .bounds = {},
                   .programs = 1,
                   .state = [&] { return std::to_string(state.load()); },
                   .most_kept_bytes = 100});
  const std::string counts = "echo one >> " + file("count") + "; cat " + file("count");
  const auto answer_to = [&](const Route& asked) {
    const std::size_t before = count();
    answers.ask(asked, taken());
    EXPECT_TRUE(test::eventually([&] { return count() == before + 1; }));
    return *got().back().shared_body;
  };
  EXPECT_EQ(answer_to(route(counts)), "one\n");
  EXPECT_EQ(answer_to(route(counts)), "one\n");
  ++state;
  EXPECT_EQ(answer_to(route(counts)), "one\none\n");
  Route other = route(counts);
  other.is_of_history = false;
  EXPECT_EQ(answer_to(other), "one\none\none\n");
  EXPECT_EQ(answer_to(route(counts)), "one\none\n");
  const std::string fails = "cat " + file("count") + "; echo one >> " + file("count") + "; exit 2";
  for (int i = 0; i < 2; ++i) answer_to(route(fails));
  EXPECT_EQ(std::filesystem::file_size(file("count")), 20u) << "an error is not kept";
  for (std::size_t i = 1; i <= 2; ++i) {
    answer_to(route("head -c 101 /dev/zero; echo one >> " + file("count")));
    EXPECT_EQ(std::filesystem::file_size(file("count")), 20u + 4 * i) << "nor one that is too big";
  }
}

TEST_F(AnswersTest, NothingIsMadeWhileTooMuchIsNotTakenYet) {
  Answers answers({.program = "/bin/sh", .place = {}, .bounds = {}, .programs = 1, .waiting = 9, .most_bytes = 1000});
  {
    net::ServerAnswer kept;
    std::atomic<bool> is_there = false;
    answers.ask(route("head -c 1001 /dev/zero"), {.give =
                                                      [&](const net::ServerAnswer& answer) {
                                                        kept = answer;
                                                        is_there = true;
                                                      },
                                                  .is_wanted = [] { return true; }});
    ASSERT_TRUE(test::eventually([&] { return is_there.load(); }));
    ask(answers, "echo small");
    ASSERT_EQ(count(), 1u);
    EXPECT_EQ(got()[0].status, 503);
  }
  EXPECT_TRUE(test::eventually([&] {
    ask(answers, "echo small");
    return got().back().status == 200;
  }));
}

TEST_F(AnswersTest, TheEndDoesNotWaitForAProgramAndLeavesNone) {
  pid_t pid = 0;
  {
    Answers answers({.program = "/bin/sh", .place = {}, .bounds = {.most_time = std::chrono::minutes(30)}});
    ask(answers, "echo $$ > " + file("new") + "; mv " + file("new") + " " + file("pid") + "; exec sleep 1800");
    ASSERT_TRUE(test::eventually([&] { return std::filesystem::exists(file("pid")); }));
    std::ifstream(file("pid")) >> pid;
  }
  ASSERT_GT(pid, 0);
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST_F(AnswersTest, AProgramThatIsNotThereIsASentence) {
  Answers answers({.program = "/none", .place = {}, .bounds = {}});
  ask(answers, "");
  ASSERT_TRUE(test::eventually([&] { return count() == 1; }));
  EXPECT_EQ(got()[0].status, 500);
  EXPECT_EQ(*got()[0].shared_body, "can't start /none: No such file or directory\n");
}

}  // namespace
}  // namespace cgmm::serve
