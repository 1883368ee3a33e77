// tests/plugin/some_symbol.c
//
// Libraries in which the name of a plug-in's object stands for something else.
#ifdef SL_A_NUMBER
int streamlab_plugin = 5;
#else
void function_of_nobody(void);
void* streamlab_plugin(void) {
  function_of_nobody();
  return 0;
}
#endif
