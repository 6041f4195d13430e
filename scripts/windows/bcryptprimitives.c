// A stand-in for Windows' bcryptprimitives.dll, of which Rust's standard library takes one function: wine before
// version 9 has no such library, and loads no program that asks for it. Not for Windows.

#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count) {
    return RtlGenRandom(bytes, (ULONG)count);
}
