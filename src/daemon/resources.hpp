// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the service asks of the machine for itself: little, and nothing that others would have to wait for.

#include <string>

namespace cgmm::daemon {

/// The calling thread's turn comes after others', at the processor and at the disk.
void lower_priority_of_this_thread();

/// The calling thread's name, of 15 characters at most, in `top -H` and /proc/PID/task.
void name_this_thread(const char* name);

/// Keeps in memory what the process has touched and will touch. "" when that is done, else why not, and what to do.
std::string lock_memory();

/// How malloc is to hold house: one heap for all threads, none of which asks it for much; and big pieces go back to the
/// kernel as soon as they are freed, for a scan of thousands of cgroups needs some MB for a moment.
void keep_little_memory();

/// Gives freed memory back to the kernel.
void give_back_heap();

}  // namespace cgmm::daemon
