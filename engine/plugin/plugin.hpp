// engine/plugin/plugin.hpp
//
// What makes a shared library a plug-in: one function in C, by which a program finds the nodes in it.
//
//   namespace streamlab { extern const NodeEntry kSoftClipEntry; }  // as at the end of a node's file
//   SL_PLUGIN(streamlab::kSoftClipEntry)                            // once in a plug-in; several nodes with commas
//
// docs/plugins.md says how to build one and how programs load it.
#pragma once

#include "engine/core/node.hpp"
#include "engine/plugin/version.hpp"

extern "C" {

// Programs and plug-ins of different versions read this struct of each other, so it never changes; another one would have
// a function of another name. Nothing else of a plug-in is touched before these were compared.
struct StreamLabPlugin {
  const char* streamlab_version;  // that it was built with: streamlab::kVersion
  const char* interface_sum;      // streamlab::kInterface
  unsigned long layout;           // streamlab::layout_of_interface()
  // Calls take(entry, context) for each of its nodes; `entry` is a const streamlab::NodeEntry*, which the program copies.
  void (*list_nodes)(void (*take)(const void* entry, void* context), void* context);
};

// The function of a plug-in: `extern "C" const StreamLabPlugin* streamlab_plugin()`.
using StreamLabPluginFunction = const StreamLabPlugin* (*)();

}  // extern "C"

namespace streamlab {

// A sum of the sizes of what passes between program and plug-in, for options of the compiler change them
// (_GLIBCXX_DEBUG).
constexpr unsigned long layout_of_interface() {
  unsigned long sum = 0;
  for (const unsigned long size :
       {sizeof(NodeEntry), sizeof(ParamValues), sizeof(PrepareContext), sizeof(OutputFormat),
        sizeof(DataFrame), sizeof(OutputPort), sizeof(NodeNote), sizeof(Error)}) {
    sum = sum * 1009 + size;
  }
  return sum;
}

inline constexpr char kPluginFunction[] = "streamlab_plugin";

template <const NodeEntry&... entries>
void list_plugin_nodes(void (*take)(const void* entry, void* context), void* context) {
  (take(&entries, context), ...);
}

}  // namespace streamlab

#define SL_PLUGIN(...)                                                                          \
  extern "C" __attribute__((visibility("default"))) const StreamLabPlugin* streamlab_plugin() { \
    static constexpr StreamLabPlugin kPlugin{streamlab::kVersion, streamlab::kInterface,        \
                                             streamlab::layout_of_interface(),                  \
                                             &streamlab::list_plugin_nodes<__VA_ARGS__>};       \
    return &kPlugin;                                                                            \
  }
