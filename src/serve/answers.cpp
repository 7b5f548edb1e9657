// SPDX-License-Identifier: Apache-2.0
#include "serve/answers.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <exception>
#include <utility>

namespace cgmm::serve {

Answers::Answers(AnswersSettings settings)
    : stop_(::eventfd(0, EFD_CLOEXEC)),
      settings_(std::move(settings)),
      workers_(settings_.programs, settings_.waiting) {
  if (!stop_) base::throw_errno(errno, "can't make an eventfd");
}

Answers::~Answers() { ::eventfd_write(stop_.get(), 1); }

void Answers::ask(Route route, net::Server::Answer answer) {
  {
    const base::Lock lock(mutex_);
    if (const auto same = waiting_.find(route.arguments); same != waiting_.end())
      return same->second.push_back(std::move(answer));
    const std::vector<std::string> arguments = route.arguments;
    if (!is_too_much() && workers_.add([this, route = std::move(route)] { make(route); })) {
      waiting_[arguments].push_back(std::move(answer));
      return;
    }
  }
  answer({.status = 503, .body = "too many ask at the same time\n", .headers = {{"Retry-After", "5"}}});
}

void Answers::make(const Route& route) {
  Asking asking;
  {
    const base::Lock lock(mutex_);
    asking = std::move(waiting_.extract(route.arguments).mapped());
  }
  net::ServerAnswer made;
  try {
    std::vector<std::string> arguments = route.arguments;
    arguments.insert(arguments.end(), settings_.place.begin(), settings_.place.end());
    ProgramBounds bounds = settings_.bounds;
    bounds.stop_fd = stop_.get();
    made = answer_of(route, run_program(settings_.program, arguments, bounds));
  } catch (const std::exception& error) {
    made = {.status = 500, .body = std::string(error.what()) + "\n"};
  }
  made.shared_body = std::make_shared<const std::string>(std::exchange(made.body, ""));
  {
    const base::Lock lock(mutex_);
    given_.push_back(made.shared_body);
  }
  for (const net::Server::Answer& answer : asking) answer(made);
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
