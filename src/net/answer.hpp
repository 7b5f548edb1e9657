// SPDX-License-Identifier: Apache-2.0
#pragma once

// Makes an answer of the bytes that come, however they are cut. The only place that knows the syntax of HTTP, which is
// Boost.Beast's. No I/O: one thread.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/http.hpp"

namespace cgmm::net {

class AnswerReader {
 public:
  /// `place`: "HOST:PORT" or "The proxy HOST:PORT", the begin of sentences. An answer to HEAD, and one to CONNECT that
  /// says yes, has no body.
  AnswerReader(std::string place, std::string_view method, std::size_t max_body_bytes);
  AnswerReader(const AnswerReader&) = delete;
  AnswerReader& operator=(const AnswerReader&) = delete;
  ~AnswerReader();

  /// Throws HttpError(bad_answer) or (too_big).
  void take(std::string_view bytes);
  /// The server has ended its side. Throws HttpError(closed) in the middle of an answer.
  void take_end();

  /// What to throw when the connection is gone, and when there is no more time.
  HttpError cut() const;
  HttpError too_slow() const;

  bool has_begun() const;
  bool is_whole() const;
  /// There were bytes after the answer: the connection can't be used again.
  bool has_rest() const;
  /// The server keeps the connection.
  bool keeps() const;
  /// The answer, un-gzipped; once, when it is whole. Throws HttpError as take() does.
  HttpAnswer answer();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cgmm::net
