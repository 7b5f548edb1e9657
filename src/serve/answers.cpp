// SPDX-License-Identifier: Apache-2.0
#include "serve/answers.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

namespace cgmm::serve {
namespace {

bool is_wanted(const net::Server::Answer& answer) { return answer.is_wanted(); }

}  // namespace

Answers::Answers(AnswersSettings settings) : stop_(::eventfd(0, EFD_CLOEXEC)), settings_(std::move(settings)) {
  if (!stop_) base::throw_errno(errno, "can't make an eventfd");
  for (std::size_t i = 0; i < settings_.programs; ++i) threads_.emplace_back([this] { work(); });
}

Answers::~Answers() {
  ::eventfd_write(stop_.get(), 1);
  {
    const base::Lock lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Answers::ask(Route route, net::Server::Answer answer) {
  bool is_in = false;
  {
    const base::Lock lock(mutex_);
    drop_unwanted();
    is_in = take_in(route, answer);
  }
  if (is_in) return changed_.notify_one();
  answer({.status = 503, .body = "too many ask at the same time\n", .headers = {{"Retry-After", "5"}}});
}

/// False: there are too many.
bool Answers::take_in(Route& route, net::Server::Answer& answer) {
  if (asking_ >= settings_.asking) return false;
  auto same = std::ranges::find(waiting_, route.arguments, [](const Waiting& one) { return one.route.arguments; });
  if (same == waiting_.end()) {
    if (waiting_.size() >= settings_.waiting || is_too_much()) return false;
    same = waiting_.insert(waiting_.end(), Waiting{std::move(route), {}});
  }
  same->asking.push_back(std::move(answer));
  ++asking_;
  return true;
}

void Answers::drop_unwanted() {
  for (Waiting& one : waiting_) asking_ -= std::erase_if(one.asking, std::not_fn(is_wanted));
  std::erase_if(waiting_, [](const Waiting& one) { return one.asking.empty(); });
}

void Answers::work() {
  for (;;) {
    Waiting next;
    {
      base::Lock lock(mutex_);
      changed_.wait(lock, [this]() CGMM_REQUIRES(mutex_) { return ends_ || !waiting_.empty(); });
      if (ends_) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    answer_to(next);
    const base::Lock lock(mutex_);
    asking_ -= next.asking.size();
  }
}

void Answers::answer_to(const Waiting& waiting) {
  if (std::ranges::none_of(waiting.asking, is_wanted)) return;
  const net::ServerAnswer given = made_or_kept(waiting);
  for (const net::Server::Answer& answer : waiting.asking) {
    if (is_wanted(answer)) answer(given);
  }
}

/// The state is that of before the program begins: what changes meanwhile is another one.
net::ServerAnswer Answers::made_or_kept(const Waiting& waiting) {
  const std::string state = settings_.state && waiting.route.is_of_history ? settings_.state() : "";
  if (!state.empty()) {
    const base::Lock lock(mutex_);
    if (kept_.state != state) kept_ = {.state = state, .answers = {}};
    const auto same = kept_.answers.find(waiting.route.arguments);
    if (same != kept_.answers.end()) return same->second;
  }
  net::ServerAnswer answer = made(waiting);
  answer.shared_body = std::make_shared<const std::string>(std::exchange(answer.body, ""));
  {
    const base::Lock lock(mutex_);
    given_.push_back(answer.shared_body);
  }
  if (!state.empty() && answer.status == 200) keep(state, waiting.route.arguments, answer);
  return answer;
}

net::ServerAnswer Answers::made(const Waiting& waiting) const {
  try {
    std::vector<std::string> arguments = waiting.route.arguments;
    arguments.insert(arguments.end(), settings_.place.begin(), settings_.place.end());
    ProgramBounds bounds = settings_.bounds;
    bounds.stop_fd = stop_.get();
    bounds.is_wanted = [&] { return std::ranges::any_of(waiting.asking, is_wanted); };
    return answer_of(waiting.route, run_program(settings_.program, arguments, bounds));
  } catch (const std::exception& error) {
    return {.status = 500, .body = std::string(error.what()) + "\n"};
  }
}

void Answers::keep(const std::string& state, const std::vector<std::string>& arguments,
                   const net::ServerAnswer& answer) {
  const base::Lock lock(mutex_);
  if (kept_.state != state || kept_.bytes + answer.shared_body->size() > settings_.most_kept_bytes) return;
  if (kept_.answers.emplace(arguments, answer).second) kept_.bytes += answer.shared_body->size();
}

bool Answers::is_too_much() {
  std::erase_if(given_, [](const auto& body) { return body.expired(); });
  std::size_t bytes = 0;
  for (const auto& body : given_) {
    if (const auto alive = body.lock()) bytes += alive->size();
  }
  return bytes > settings_.most_bytes;
}

}  // namespace cgmm::serve
