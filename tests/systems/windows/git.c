/* git.exe of the Windows lane: hands arguments, directory, environment and standard input to git_server.py, which has the
   frames' meaning, and passes on what comes back. */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>

static SOCKET server;
static CRITICAL_SECTION sending;

static void send_all(const char *data, int length) {
    while (length > 0) {
        int sent = send(server, data, length, 0);
        if (sent <= 0) ExitProcess(199);
        data += sent;
        length -= sent;
    }
}

static void send_frame(char kind, const char *data, int length) {
    unsigned char header[5] = {kind, length >> 24, length >> 16, length >> 8, length};
    EnterCriticalSection(&sending);
    send_all((char *)header, 5);
    if (length) send_all(data, length);
    LeaveCriticalSection(&sending);
}

static void send_text(char kind, const wchar_t *text) {
    int length = WideCharToMultiByte(CP_UTF8, 0, text, -1, 0, 0, 0, 0);
    char *bytes = malloc(length);
    WideCharToMultiByte(CP_UTF8, 0, text, -1, bytes, length, 0, 0);
    send_frame(kind, bytes, length - 1);
    free(bytes);
}

static int receive_all(char *data, int length) {
    while (length > 0) {
        int received = recv(server, data, length, 0);
        if (received <= 0) return 0;
        data += received;
        length -= received;
    }
    return 1;
}

static DWORD WINAPI pump_input(LPVOID unused) {
    HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
    char buffer[65536];
    DWORD length;
    while (ReadFile(input, buffer, sizeof buffer, &length, 0) && length) send_frame(4, buffer, length);
    send_frame(5, "", 0);
    return 0;
}

static int is_wanted(const wchar_t *variable) {
    return !wcsncmp(variable, L"GIT_", 4) || !wcsncmp(variable, L"HOME=", 5) || !wcsncmp(variable, L"LANG", 4) ||
           !wcsncmp(variable, L"LC_", 3);
}

static void write_all(HANDLE target, const char *data, int length) {
    DWORD written;
    while (length > 0 && WriteFile(target, data, length, &written, 0)) {
        data += written;
        length -= written;
    }
}

/* The number in the file `port` beside this program: a variable would not pass through every test. */
static int port(void) {
    wchar_t path[4096];
    int number = 0;
    GetModuleFileNameW(0, path, 4000);
    wcscpy(wcsrchr(path, '\\') + 1, L"port");
    FILE *file = _wfopen(path, L"r");
    if (file && fscanf(file, "%d", &number) != 1) number = 0;
    return number;
}

int wmain(int argc, wchar_t **argv) {
    WSADATA data;
    struct sockaddr_in address = {0};
    WSAStartup(0x202, &data);
    InitializeCriticalSection(&sending);
    server = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_port = htons(port());
    address.sin_addr.s_addr = inet_addr("127.0.0.1");
    if (connect(server, (void *)&address, sizeof address)) {
        fprintf(stderr, "git_server.py does not run\n");
        return 198;
    }
    wchar_t directory[4096];
    GetCurrentDirectoryW(4096, directory);
    send_text(1, directory);
    for (int i = 1; i < argc; i++) send_text(2, argv[i]);
    for (wchar_t *variable = GetEnvironmentStringsW(); *variable; variable += wcslen(variable) + 1)
        if (is_wanted(variable)) send_text(3, variable);
    send_frame(0, "", 0);
    CreateThread(0, 0, pump_input, 0, 0, 0);

    HANDLE output = GetStdHandle(STD_OUTPUT_HANDLE), errors = GetStdHandle(STD_ERROR_HANDLE);
    static char buffer[1 << 20];
    unsigned char header[5];
    while (receive_all((char *)header, 5)) {
        int length = header[1] << 24 | header[2] << 16 | header[3] << 8 | header[4];
        if (header[0] == 3) ExitProcess(length);
        while (length > 0) {
            int part = length > (int)sizeof buffer ? (int)sizeof buffer : length;
            if (!receive_all(buffer, part)) ExitProcess(197);
            write_all(header[0] == 1 ? output : errors, buffer, part);
            length -= part;
        }
    }
    return 196;
}
