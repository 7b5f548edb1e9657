// SPDX-License-Identifier: Apache-2.0
#pragma once

// Has the answers made by programs. Those who ask for the same while it waits for its turn get the same answer: it is
// made after they asked, so it is as new as each of them may expect. Who asks for the same in the same second, while
// the history has not changed, gets the same, too. What nobody waits for any more is not made. Any thread.

#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.hpp"
#include "base/mutex.hpp"
#include "net/http_server.hpp"
#include "serve/program.hpp"
#include "serve/routes.hpp"

namespace cgmm::serve {

struct AnswersSettings {
  std::filesystem::path program;
  std::vector<std::string> place;  // arguments of each: where the history is
  ProgramBounds bounds;
  std::size_t programs = 2;   // at the same time
  std::size_t waiting = 128;  // different ones
  std::size_t asking = 192;   // clients, so that the server has connections left for others
  std::size_t most_bytes = std::size_t{64}
                           << 20;      // of answers that clients have not taken yet; beyond, nothing is made
  std::function<std::string()> state;  // another text whenever an answer may be another one; empty: all are made anew
  std::size_t most_kept_bytes = std::size_t{4} << 20;  // of answers of one state
};

class Answers {
 public:
  explicit Answers(AnswersSettings settings);
  /// Ends the programs that run; nobody gets their answers.
  ~Answers();
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  /// Gives the answer once: later, in another thread, or at once where too many ask. Not where it is not wanted any
  /// more.
  void ask(Route route, net::Server::Answer answer);

 private:
  struct Waiting {
    Route route;
    std::vector<net::Server::Answer> asking;
  };

  struct Kept {  // of one state
    std::string state;
    std::map<std::vector<std::string>, net::ServerAnswer> answers;  // by arguments
    std::size_t bytes = 0;
  };

  void work();
  void answer_to(const Waiting& waiting);
  net::ServerAnswer made_or_kept(const Waiting& waiting);
  net::ServerAnswer made(const Waiting& waiting) const;
  void keep(const std::string& state, const std::vector<std::string>& arguments, const net::ServerAnswer& answer);
  bool take_in(Route& route, net::Server::Answer& answer) CGMM_REQUIRES(mutex_);
  void drop_unwanted() CGMM_REQUIRES(mutex_);
  bool is_too_much() CGMM_REQUIRES(mutex_);

  base::Fd stop_;
  AnswersSettings settings_;
  base::Mutex mutex_;
  base::Condition changed_;
  std::deque<Waiting> waiting_ CGMM_GUARDED_BY(mutex_);
  std::size_t asking_ CGMM_GUARDED_BY(mutex_) = 0;  // for what waits and what is being made
  Kept kept_ CGMM_GUARDED_BY(mutex_);
  std::vector<std::weak_ptr<const std::string>> given_ CGMM_GUARDED_BY(mutex_);
  bool ends_ CGMM_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace cgmm::serve
