// compile dxc|fxc FILE…: compiles HLSL files, entry point `main`, with dxcompiler.dll (as shader model 6.0) or
// d3dcompiler_47.dll (5.1), which lie beside it. A line a file: its name, `ok` or `FAIL`, milliseconds of
// processor time (which other work on the machine does not lengthen), and of a failure what the compiler says. It is not
// a test: that judges the lines. For Windows or wine.
#include <cstdio>
#include <cstring>
#include <string>

#include <windows.h>

// The parts of the compilers' COM interfaces that are called, in the order of their tables of functions
// (d3dcommon.h, dxcapi.h); mingw has no dxcapi.h.
struct Blob : IUnknown {
    virtual void *STDMETHODCALLTYPE GetBufferPointer() = 0;
    virtual SIZE_T STDMETHODCALLTYPE GetBufferSize() = 0;
};
struct Outcome : IUnknown { // IDxcOperationResult
    virtual HRESULT STDMETHODCALLTYPE GetStatus(HRESULT *) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetResult(Blob **) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetErrorBuffer(Blob **) = 0;
};
struct Source { // DxcBuffer
    const void *pointer;
    SIZE_T size;
    UINT encoding;
};
struct Compiler3 : IUnknown { // IDxcCompiler3
    virtual HRESULT STDMETHODCALLTYPE Compile(const Source *, const wchar_t **, UINT32, IUnknown *, REFIID, void **) = 0;
};
typedef HRESULT(WINAPI *CreateInstance)(REFCLSID, REFIID, void **);
typedef HRESULT(WINAPI *D3DCompile)(const void *, SIZE_T, const char *, void *, void *, const char *, const char *, UINT,
                                    UINT, Blob **, Blob **);

static const GUID compiler_class = {
    0x73e22d93, 0xe6ce, 0x47f3, {0xb5, 0xbf, 0xf0, 0x66, 0x4f, 0x39, 0xc1, 0xb0}};
static const GUID compiler3 = {0x228b4687, 0x5a6a, 0x4730, {0x90, 0x0c, 0x97, 0x02, 0xb2, 0x20, 0x3f, 0x54}};
static const GUID operation_result = {
    0xcedb484a, 0xd4e9, 0x445a, {0xb9, 0x91, 0xca, 0x21, 0xca, 0x15, 0x7d, 0xc2}};

static std::string text(Blob *blob) {
    if (!blob) return "";
    std::string all(static_cast<char *>(blob->GetBufferPointer()), blob->GetBufferSize());
    for (char &c : all)
        if (c == '\n' || c == '\r' || c == '\0') c = ' ';
    return all.substr(0, 300);
}

static HRESULT with_dxc(Compiler3 *compiler, const std::string &code, std::string &said) {
    const wchar_t *arguments[] = {L"-E", L"main", L"-T", L"cs_6_0", L"-HV", L"2018", L"-no-warnings"};
    Source source = {code.data(), code.size(), 65001 /* UTF-8 */};
    Outcome *outcome = nullptr;
    HRESULT status =
        compiler->Compile(&source, arguments, 7, nullptr, operation_result, reinterpret_cast<void **>(&outcome));
    if (FAILED(status)) return said = "the call of Compile", status;
    Blob *errors = nullptr;
    outcome->GetStatus(&status);
    outcome->GetErrorBuffer(&errors);
    said = text(errors);
    return status;
}

static HRESULT with_fxc(D3DCompile compile, const std::string &code, const char *name, std::string &said) {
    Blob *binary = nullptr, *errors = nullptr;
    const UINT strict = 1 << 11; // D3DCOMPILE_ENABLE_STRICTNESS, as wgpu asks
    HRESULT status = compile(code.data(), code.size(), name, nullptr, nullptr, "main", "cs_5_1", strict, 0, &binary, &errors);
    said = text(errors);
    return status;
}

// Processor time of this process so far, in milliseconds.
static unsigned long long processor_time() {
    FILETIME created, ended, kernel, user;
    GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user);
    const auto units = [](FILETIME t) { return (unsigned long long)t.dwHighDateTime << 32 | t.dwLowDateTime; };
    return (units(kernel) + units(user)) / 10000; // of 100 ns
}

int main(int count, char **arguments) {
    if (count < 2) return 2;
    const bool dxc = !std::strcmp(arguments[1], "dxc");
    HMODULE library = LoadLibraryA(dxc ? "dxcompiler.dll" : "d3dcompiler_47.dll");
    if (!library) return std::printf("no library\n"), 1;
    Compiler3 *compiler = nullptr;
    D3DCompile compile = nullptr;
    if (dxc) {
        auto create = reinterpret_cast<CreateInstance>(GetProcAddress(library, "DxcCreateInstance"));
        if (!create || FAILED(create(compiler_class, compiler3, reinterpret_cast<void **>(&compiler))))
            return std::printf("no compiler\n"), 1;
    } else {
        compile = reinterpret_cast<D3DCompile>(GetProcAddress(library, "D3DCompile"));
        if (!compile) return std::printf("no compiler\n"), 1;
    }
    for (int i = 2; i < count; i++) {
        std::FILE *file = std::fopen(arguments[i], "rb");
        if (!file) return std::printf("%s cannot be read\n", arguments[i]), 1;
        std::string code, said;
        char part[65536];
        for (size_t n; (n = std::fread(part, 1, sizeof part, file)) > 0;) code.append(part, n);
        std::fclose(file);
        const unsigned long long start = processor_time();
        const HRESULT status = dxc ? with_dxc(compiler, code, said) : with_fxc(compile, code, arguments[i], said);
        const unsigned long long took = processor_time() - start;
        std::printf("%s %s %llu %s\n", arguments[i], FAILED(status) ? "FAIL" : "ok", took, FAILED(status) ? said.c_str() : "");
        std::fflush(stdout);
    }
}
