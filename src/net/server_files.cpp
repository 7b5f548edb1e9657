// SPDX-License-Identifier: Apache-2.0
#include "net/server_files.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <boost/asio/ssl.hpp>

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace cgmm::net {
namespace {

namespace ssl = boost::asio::ssl;

/// Of a file that can't be opened, the system's reason is better than OpenSSL's.
void expect_readable(const std::filesystem::path& file) {
  if (::access(file.c_str(), R_OK) != 0)
    throw std::runtime_error("can't use " + file.string() + ": " + std::generic_category().message(errno));
}

ServerFiles::Tls tls_of(const std::filesystem::path& cert_file, const std::filesystem::path& key_file) {
  expect_readable(cert_file);
  expect_readable(key_file);
  auto tls = std::make_shared<ssl::context>(ssl::context::tls_server);
  tls->set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  boost::system::error_code error;
  tls->use_certificate_chain_file(cert_file, error);
  if (error) throw std::runtime_error("can't use " + cert_file.string() + ": " + error.message());
  tls->use_private_key_file(key_file, ssl::context::pem, error);
  if (error) throw std::runtime_error("can't use " + key_file.string() + ": " + error.message());
  return tls;
}

}  // namespace

std::string token_in(const std::filesystem::path& file) {
  expect_readable(file);
  std::ifstream stream(file);
  std::string token;
  if (!std::getline(stream, token) || token.empty())
    throw std::runtime_error("can't use " + file.string() + ": it has no token in its first line");
  return token;
}

ServerFiles::ServerFiles(std::filesystem::path cert_file, std::filesystem::path key_file,
                         std::filesystem::path token_file)
    : cert_file_(std::move(cert_file)), key_file_(std::move(key_file)), token_file_(std::move(token_file)) {
  read_ = seen_ = signs();
  read();
}

void ServerFiles::read() {
  const Tls tls = cert_file_.empty() ? nullptr : tls_of(cert_file_, key_file_);
  std::string token = token_file_.empty() ? "" : token_in(token_file_);
  tls_ = tls;
  token_ = std::move(token);
}

ServerFiles::Signs ServerFiles::signs() const {
  Signs all{};
  const std::array files{&cert_file_, &key_file_, &token_file_};
  for (std::size_t i = 0; i < files.size(); ++i) {
    struct stat file{};
    if (files[i]->empty() || ::stat(files[i]->c_str(), &file) != 0) continue;
    all[i] = {static_cast<std::int64_t>(file.st_dev), static_cast<std::int64_t>(file.st_ino), file.st_size,
              file.st_mtim.tv_sec, file.st_mtim.tv_nsec};
  }
  return all;
}

std::string ServerFiles::look_again() {
  const Signs now = signs();
  const bool is_settled = now == std::exchange(seen_, now);
  if (!is_settled || now == read_) return "";
  read_ = now;
  try {
    read();
  } catch (const std::runtime_error& error) {
    return std::string(error.what()) + "; what was read before stays in use";
  }
  return "";
}

}  // namespace cgmm::net
