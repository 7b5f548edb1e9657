// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is wrong with a certificate, in sentences that say what to do. Any thread.

#include <openssl/types.h>

#include <string>

namespace cgmm::net {

/// Of a server's certificate. `error`: X509_V_ERR_...; `at`: the certificate that is wrong, or nullptr.
std::string certificate_in_words(const std::string& host, const std::string& place, long error, X509* at,
                                 bool is_its_own);

/// The newest error in OpenSSL's queue of this thread: of a connection.
std::string tls_in_words(const std::string& place, bool has_client_cert);

/// The same, of a file: OpenSSL's reason.
std::string openssl_reason();

}  // namespace cgmm::net
