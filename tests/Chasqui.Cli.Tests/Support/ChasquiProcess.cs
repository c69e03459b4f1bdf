using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading.Channels;

namespace Chasqui.Cli.Tests;

/// <summary>The built program in a process of its own, with a home of its own.</summary>
internal sealed class ChasquiProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _error = new();
    private readonly Channel<string> _errorLines = Channel.CreateUnbounded<string>();
    private readonly Task _errorRead;

    private ChasquiProcess(Process process)
    {
        _process = process;
        _errorRead = Task.Run(async () =>
        {
            while (await process.StandardError.ReadLineAsync() is { } line)
            {
                lock (_error)
                    _error.AppendLine(line);
                _errorLines.Writer.TryWrite(line);
            }
            _errorLines.Writer.Complete();
        });
    }

    public TextReader Out => _process.StandardOutput;

    public TextWriter In => _process.StandardInput;

    public string Error
    {
        get
        {
            lock (_error)
                return _error.ToString();
        }
    }

    public static ChasquiProcess Start(string home, params string[] args) => StartTrusting(home, null, args);

    /// <summary>Starts it with a certificate that it trusts.</summary>
    public static ChasquiProcess StartTrusting(string home, string? certificate, params string[] args) =>
        StartIn(home, certificate is null ? [] : new() { ["SSL_CERT_FILE"] = certificate }, args);

    /// <summary>Starts it in a folder, which is its home too unless the environment says otherwise.</summary>
    public static ChasquiProcess StartIn(string home, Dictionary<string, string> environment, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, "chasqui.dll"), .. args])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = home,
            Environment = { ["HOME"] = home, ["OLLAMA_MODELS"] = "", ["CHASQUI_SERVER"] = "" },
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return new ChasquiProcess(Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start"));
    }

    /// <summary>Sends a signal, e.g. <c>INT</c>.</summary>
    public async Task SignalAsync(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, kill.ExitCode);
    }

    /// <summary>Waits for a line on standard error that holds a text.</summary>
    /// <returns>The line.</returns>
    public async Task<string> ErrorLineAsync(string text)
    {
        await foreach (var line in _errorLines.Reader.ReadAllAsync(TestContext.Current.CancellationToken))
        {
            if (line.Contains(text, StringComparison.Ordinal))
                return line;
        }
        throw new InvalidOperationException($"'{text}' was never said: {Error}");
    }

    /// <summary>Waits until it has ended by itself.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> EndAsync()
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        await _errorRead;
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
