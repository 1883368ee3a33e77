// engine/plugin/plugin.hpp
//
// What makes a shared library a plug-in: one object in C, by which a program finds the nodes in it. An object, not a function:
// nothing of a library runs before its version was read (but what its own static objects do).
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
// an object of another name. Nothing else of a plug-in is touched before these were compared.
struct StreamLabPlugin {
  const char* streamlab_version;  // that it was built with: streamlab::kVersion
  const char* interface_sum;      // streamlab::kInterface
  unsigned long layout;           // streamlab::layout_of_interface()
  // Calls take(entry, context) for each of its nodes; `entry` is a const streamlab::NodeEntry*, which the program copies.
  void (*list_nodes)(void (*take)(const void* entry, void* context), void* context);
};

// The object of a plug-in.
__attribute__((visibility("default"))) extern const StreamLabPlugin streamlab_plugin;

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

inline constexpr char kPluginObject[] = "streamlab_plugin";

template <const NodeEntry&... entries>
void list_plugin_nodes(void (*take)(const void* entry, void* context), void* context) {
  (take(&entries, context), ...);
}

}  // namespace streamlab

#define SL_PLUGIN(...)                                                               \
  const StreamLabPlugin streamlab_plugin{streamlab::kVersion, streamlab::kInterface, \
                                         streamlab::layout_of_interface(),           \
                                         &streamlab::list_plugin_nodes<__VA_ARGS__>};
