// SPDX-License-Identifier: Apache-2.0
#include "core/workload.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/hostile.hpp"

namespace cgmm::core {
namespace {

const std::string kId = "3fa91c0000000000000000000000000000000000000000000000000000abcdef";
const std::string kUid = "0f5b1c2d-1111-2222-3333-444455556666";
const std::string kStaticUid = "0123456789abcdef0123456789abcdef";
const std::string kSuffix = "-" + kId + ".log";

TEST(ParseContainerLog, TellsPodNamespaceContainerAndId) {
  const std::vector<std::pair<std::string, ContainerNames>> cases = {
      {"web-7d9c5b8f6d-x2x4z_shop_nginx", {"shop", "web-7d9c5b8f6d-x2x4z", "nginx"}},
      {"kube-apiserver-ip-10-0-0-5.ec2.internal_kube-system_kube-apiserver",
       {"kube-system", "kube-apiserver-ip-10-0-0-5.ec2.internal", "kube-apiserver"}},
      {"a_b_c", {"b", "a", "c"}},
      {"0_1_2-" + kId.substr(0, 61), {"1", "0", "2-" + kId.substr(0, 61)}},
  };
  for (const auto& [name, names] : cases) {
    const auto parsed = parse_container_log(name + kSuffix);
    ASSERT_TRUE(parsed) << name;
    EXPECT_EQ(parsed->key, kId) << name;
    EXPECT_EQ(parsed->names, names) << name;
  }
}

TEST(ParseContainerLog, RefusesWhatIsNone) {
  const std::vector<std::string> cases = {"",
                                          ".",
                                          "..",
                                          ".log",
                                          "_",
                                          "__",
                                          "__.log",
                                          "a_b_c.log",
                                          "a_b_c-.log",
                                          kId,
                                          kId + ".log",
                                          kSuffix,
                                          "_" + kSuffix,
                                          "__" + kSuffix,
                                          "a_b_" + kSuffix,
                                          "a_b_" + kId + ".log",
                                          "a__c" + kSuffix,
                                          "_b_c" + kSuffix,
                                          "a_b" + kSuffix,
                                          "a_b_c_d" + kSuffix,
                                          "a_b_c" + kSuffix + ".1",
                                          "a_b_c" + kSuffix.substr(0, kSuffix.size() - 4),
                                          "a_b_c-" + kId.substr(1) + ".log",   // the id cut off
                                          "a_b_c" + kId + ".log",              // no '-'
                                          "a_b_c-G" + kId.substr(1) + ".log",  // no hexadecimal
                                          "A_b_c" + kSuffix,
                                          "a_b.c_d" + kSuffix,
                                          "-a_b_c" + kSuffix,
                                          "a_b_c-" + kSuffix,
                                          "a_-b_c" + kSuffix,
                                          ".a_b_c" + kSuffix,
                                          "a/b_c_d" + kSuffix,
                                          std::string(254, 'a') + "_b_c" + kSuffix,
                                          "a_" + std::string(64, 'b') + "_c" + kSuffix,
                                          "a_b_" + std::string(64, 'c') + kSuffix,
                                          std::string("a\0_b_c", 6) + kSuffix};
  for (const std::string& name : cases) EXPECT_FALSE(parse_container_log(name)) << name;
  for (const auto& [label, text] : test::hostile_texts()) {
    EXPECT_FALSE(parse_container_log(text)) << label;
    EXPECT_FALSE(parse_container_log(text + "_b_c" + kSuffix)) << label;
    EXPECT_FALSE(parse_container_log("a_" + text + "_c" + kSuffix)) << label;
    EXPECT_FALSE(parse_container_log("a_b_" + text + kSuffix)) << label;
    EXPECT_FALSE(parse_container_log("a_b_c-" + text + ".log")) << label;
  }
}

/// As the kubelet names it: cut to 251 bytes, and ".log".
std::string kubelets_name(const std::string& pod, const std::string& container, const std::string& id = kId) {
  return (pod + "_shop_" + container + "-" + id).substr(0, 251) + ".log";
}

TEST(ParseCutContainerLog, TellsWhatIsLeftOfTheId) {
  for (std::size_t left = 4; left < 64; ++left) {
    const std::string pod(251 - left - std::string("_shop_nginx-").size(), 'p');
    const auto parsed = parse_cut_container_log(kubelets_name(pod, "nginx"));
    ASSERT_TRUE(parsed) << left;
    EXPECT_EQ(*parsed, (NamedLog{kId.substr(0, left), {"shop", pod, "nginx"}})) << left;
    EXPECT_FALSE(parse_container_log(kubelets_name(pod, "nginx"))) << left;
  }
}

TEST(ParseCutContainerLog, RefusesWhatIsWholeOrOfWhichTooLittleIsLeft) {
  EXPECT_FALSE(parse_cut_container_log(kubelets_name(std::string(251 - 64 - 12, 'p'), "nginx"))) << "the whole id";
  for (const std::size_t left : {0U, 1U, 2U, 3U})
    EXPECT_FALSE(parse_cut_container_log(kubelets_name(std::string(251 - left - 12, 'p'), "nginx"))) << left;
  EXPECT_FALSE(parse_cut_container_log(kubelets_name(std::string(240, 'p'), "nginx"))) << "within the container's name";
  EXPECT_FALSE(parse_cut_container_log(kubelets_name(std::string(251, 'p'), "nginx"))) << "within the pod's name";
  EXPECT_FALSE(parse_cut_container_log("web_shop_nginx-" + kId.substr(1) + ".log")) << "not as long as a cut one";
  const std::string cut = kubelets_name(std::string(180, 'p'), "nginx");
  EXPECT_FALSE(parse_cut_container_log(cut.substr(0, 251)));
  EXPECT_FALSE(parse_cut_container_log(cut.substr(0, 250) + "g.log"));
  for (const auto& [label, text] : test::hostile_texts()) EXPECT_FALSE(parse_cut_container_log(text)) << label;
}

TEST(ParsePodLogDir, TellsNamespacePodAndUid) {
  EXPECT_EQ(parse_pod_log_dir("shop_web-7d9c5b8f6d-x2x4z_" + kUid),
            (NamedLog{kUid, {"shop", "web-7d9c5b8f6d-x2x4z", ""}}));
  EXPECT_EQ(parse_pod_log_dir("kube-system_etcd-n1.example_" + kStaticUid),
            (NamedLog{kStaticUid, {"kube-system", "etcd-n1.example", ""}}));
}

TEST(ParsePodLogDir, RefusesWhatIsNone) {
  std::string misplaced = kUid;
  std::swap(misplaced[8], misplaced[9]);
  const std::vector<std::string> cases = {"",
                                          "_",
                                          "__",
                                          kUid,
                                          "_" + kUid,
                                          "__" + kUid,
                                          "a_" + kUid,
                                          "a__" + kUid,
                                          "_b_" + kUid,
                                          "a_b_",
                                          "a_b_c_" + kUid,
                                          "a_b_" + kUid + "_",
                                          "a_b_" + kUid + "0",
                                          "a_b_" + kUid.substr(1),
                                          "a_b_" + kStaticUid + "0",
                                          "a_b_" + misplaced,
                                          "a_b_" + std::string(36, '-'),
                                          "a_b_" + std::string(36, 'a'),
                                          "a_b_" + std::string(32, 'g'),
                                          "a_b_" + std::string(32, 'A'),
                                          "a.b_c_" + kUid,
                                          "A_b_" + kUid,
                                          "a_.._" + kUid,
                                          std::string(64, 'a') + "_b_" + kUid,
                                          "a_" + std::string(254, 'b') + "_" + kUid};
  for (const std::string& name : cases) EXPECT_FALSE(parse_pod_log_dir(name)) << name;
  for (const auto& [label, text] : test::hostile_texts()) {
    EXPECT_FALSE(parse_pod_log_dir(text)) << label;
    EXPECT_FALSE(parse_pod_log_dir(text + "_b_" + kUid)) << label;
    EXPECT_FALSE(parse_pod_log_dir("a_" + text + "_" + kUid)) << label;
    EXPECT_FALSE(parse_pod_log_dir("a_b_" + text)) << label;
  }
}

TEST(PodPrefix, TakesOffWhatKubernetesAppended) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"web-7d9c5b8f6d-x2x4z", "web"},               // Deployment
      {"my-web-app-5b8f6d9c4-bcdfg", "my-web-app"},  // a shorter hash, a suffix without a digit
      {"web-8f6d9c4-x2x4z", "web"},
      {"web-1564180365-x2x4z", "web"},  // before 1.8
      {"prod-mssql-7d9c5b8f6d-x2x4z", "prod-mssql"},
      {"fluentd-x2x4z", "fluentd"},  // DaemonSet, Job
      {"fluentd-bcdfg", "fluentd"},
      {"fluentd-24567", "fluentd"},
      {"prod-mssql-x2x4z", "prod-mssql"},
      {"node-agent-v2-x2x4z", "node-agent-v2"},
      {"backup-28391040-x2x4z", "backup"},  // CronJob
      {"backup-1700000000-x2x4z", "backup"},
      {"nightly-db-backup-28391040-x2x4z", "nightly-db-backup"},
      {"train-3-x2x4z", "train"},  // a Job's index
      {"db-0", "db"},              // StatefulSet
      {"db-12", "db"},
      {"prod-mssql-0", "prod-mssql"},
      {"web-7d9c5b8f6d-0", "web-7d9c5b8f6d"},
      {"7d9c5b8f6d-x2x4z", "7d9c5b8f6d"},  // all of a name is never taken off
  };
  for (const auto& [pod, prefix] : cases) EXPECT_EQ(pod_prefix(pod), prefix) << pod;
}

TEST(PodPrefix, LeavesNamesThatOnlyLookSimilar) {
  for (const std::string pod : {"",
                                "-",
                                "web",
                                "x2x4z",
                                "0",
                                "redis-cache",
                                "my-app",
                                "web-blue",
                                "web-green",
                                "kube-apiserver-node1",
                                "db-01",
                                "db-00",
                                "web-x2x4",
                                "web-x2x4zz",
                                "web-x2x4Z",
                                "web-x1x4z",
                                "web-x2y4z",
                                "web-mysql",
                                "report-20240101",
                                "report-2024-daily",
                                "job-12345",
                                "web-",
                                "-x2x4z",
                                "-0",
                                "web-7d9c5b8f6d",
                                "etcd-n1.x2x4z",
                                "kube-proxy-ip-10-0-0-5.ec2.internal"}) {
    EXPECT_EQ(pod_prefix(pod), pod);
  }
  EXPECT_EQ(pod_prefix("web-strngthsbcd-x2x4z"), "web-strngthsbcd");  // too long for a hash
  EXPECT_EQ(pod_prefix("web-bcdfghj-x2x4z"), "web-bcdfghj");          // without a digit
  EXPECT_EQ(pod_prefix("web-123456-x2x4z"), "web-123456");
  EXPECT_EQ(pod_prefix("web-12345678901-x2x4z"), "web-12345678901");
}

TEST(PodPrefix, KnownFalsePositives) {
  EXPECT_EQ(pod_prefix("prod-mssql"), "prod");
  EXPECT_EQ(pod_prefix("postgres-15"), "postgres");
  EXPECT_EQ(pod_prefix("kube-proxy-node-1"), "kube-proxy-node");
}

TEST(PodPrefix, KnowsNamesThatWereCutToFit) {
  // What Kubernetes makes of a name: cut to 58 characters, then the suffix.
  const auto generated = [](const std::string& base) { return base.substr(0, 58) + "x2x4z"; };
  const std::string word = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
  for (std::size_t length = 40; length < 58; ++length) {
    const std::string name = word.substr(0, length);
    EXPECT_EQ(pod_prefix(generated(name + "-7d9c5b8f6d-")), name) << length;
    EXPECT_EQ(pod_prefix(generated(name + "-28391040-")), name) << length;
    EXPECT_EQ(pod_prefix(generated(name + "-")), name) << length;
  }
  EXPECT_EQ(pod_prefix(generated(word)), word.substr(0, 58));
  EXPECT_EQ(pod_prefix(word.substr(0, 57) + "x2x4z"), word.substr(0, 57) + "x2x4z");
}

TEST(PodPrefix, TakesAnyBytes) {
  for (const auto& [label, text] : test::hostile_texts()) {
    EXPECT_EQ(pod_prefix(text), text) << label;
    if (text.empty()) continue;
    EXPECT_EQ(pod_prefix(text + "-x2x4z"), text) << label;
  }
}

TEST(PodGroup, TakesOutWhatTellsOneRunFromAnother) {
  struct Case {
    std::string pod, container, group;
  };
  const std::vector<Case> cases = {
      {"etl-83d5ea7b1f2c3d4e-driver", "spark-kubernetes-driver", "etl-driver"},
      {"daily-etl-83d5ea7b1f2c3d4e-exec-12", "spark-kubernetes-executor", "daily-etl-exec"},
      {"etl-83d5ea7b1f2c3d4e-exec-123456", "", "etl-exec"},
      {"etl-1530732742123-exec-1", "executor", "etl-exec"},  // before Spark 3.0
      {"build-x2x4z-compile-pod", "step-make", "build-compile"},
      {"build-x2x4z-unit-tests-pod", "sidecar-db", "build-unit-tests"},
      {"build-image-x2x4z-pod", "step-make", "build-image"},  // a TaskRun of its own
      {"build-x2x4z-compile-pod-retry2", "prepare", "build-compile"},
      {"hello-world-x2x4z-print-message-1335831723", "main", "hello-world-print-message"},
      {"hello-x2x4z-print-933488787", "wait", "hello-print"},
      {"hello-x2x4z-b2b4c-933488787", "wait", "hello-b2b4c"},          // a template's name that looks generated
      {"nightly-1700000000-dump-1335831723", "init", "nightly-dump"},  // CronWorkflow
      {"migrate-x2x4z", "migrate", "migrate"},                         // Job
      {"backup-28391040-x2x4z", "backup", "backup"},                   // CronJob
      {"train-3-x2x4z", "train", "train"},                             // indexed Job
      {"hello-x2x4z", "main", "hello"},                                // a workflow of one step
  };
  for (const Case& one : cases) EXPECT_EQ(pod_group(one.pod, one.container), one.group) << one.pod;
}

TEST(PodGroup, LeavesWhatIsInDoubtAsItIs) {
  struct Case {
    std::string pod, container;
  };
  const std::vector<Case> cases = {
      {"etl-driver", "spark-kubernetes-driver"},  // the Spark operator's: the same in every run
      {"83d5ea7b1f2c3d4e-driver", ""},
      {"etl-83d5ea7b1f2c3d4-driver", ""},
      {"etl-2530732742123-driver", ""},
      {"golf-83d5ea7b1f2c3d4e-exec-a", ""},
      {"web-x2x4z-pod", "web"},     // no step
      {"web-php74-pod", "step-a"},  // somebody's word
      {"web-mssql-pod", "step-a"},
      {"build-x2x4z-b2b4c-pod", "step-a"},  // which of the two?
      {"x2x4z-pod", "step-a"},
      {"build-x2x4z-compile-pod-retry", "step-a"},
      {"hello-x2x4z-print-1335831723", "nginx"},  // no container of Argo Workflows
      {"hello-x2x4z-1335831723", "main"},         // no template: its name before Argo Workflows 3.4
      {"hello-x2x4z-print-20240101", "main"},     // a date?
      {"hello-php74-print-1335831723", "main"},
      {"hello-world-print-1335831723", "main"},  // a workflow with a name of its own: the same in every run
      {"-", "main"},
      {"", "main"},
  };
  for (const Case& one : cases) EXPECT_EQ(pod_group(one.pod, one.container), one.pod) << one.container;
  for (const auto& [label, text] : test::hostile_texts()) {
    for (const std::string container : {"", "main", "step-a"}) EXPECT_EQ(pod_group(text, container), text) << label;
  }
}

TEST(WorkloadOf, TellsTheSameForEveryRestartAndReplica) {
  const ContainerIdentity in_pod{"containerd", kId, kUid, "burstable"};
  const ContainerIdentity docker{"docker", kId, "", ""};
  const ContainerIdentity none;
  EXPECT_EQ(workload_of({"shop", "web-7d9c5b8f6d-x2x4z", "nginx"}, in_pod, "/kubepods/x"), "shop/web/nginx");
  EXPECT_EQ(workload_of({"ci", "build-x2x4z-compile-pod", "step-make"}, in_pod, "/x"), "ci/build-compile/step-make");
  EXPECT_EQ(workload_of({"shop", "web-7d9c5b8f6d-x2x4z", ""}, in_pod, "/kubepods/x"), "shop/web");
  EXPECT_EQ(workload_of({"shop", "db-0", "postgres"}, none, ""), "shop/db/postgres");
  EXPECT_EQ(workload_of({}, in_pod, "/kubepods/x"), "pod/" + kUid);
  EXPECT_EQ(workload_of({"shop", "", "nginx"}, in_pod, "/kubepods/x"), "pod/" + kUid);
  EXPECT_EQ(workload_of({}, docker, "/docker/" + kId), "");
  EXPECT_EQ(workload_of({}, none, "/system.slice/nginx.service"), "/system.slice/nginx.service");
  EXPECT_EQ(workload_of({}, none, ""), "");
}

}  // namespace
}  // namespace cgmm::core
