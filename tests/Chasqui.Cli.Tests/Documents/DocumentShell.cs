using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Chasqui.Cli.Tests;

/// <summary>
/// A shell in a folder of its own, in which the commands of one document are typed one after the other. <c>./run</c> and <c>chasqui</c> are the built program; a gateway runs on free
/// ports as soon as a command needs one. The addresses and names that documents use stand for those of the test: <see cref="Stands"/> is the whole table.
/// </summary>
internal sealed class DocumentShell : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("chasqui-doc-").FullName;
    private ChasquiProcess? _gateway;
    private string _http = "127.0.0.1:1";
    private string _mcp = "127.0.0.1:1";
    private string _key = "";

    public DocumentShell()
    {
        var program = Path.Combine(AppContext.BaseDirectory, "chasqui.dll");
        foreach (var (name, typed) in new[] { ("run", "./run"), (Path.Combine("bin", "chasqui"), "chasqui") })
        {
            var script = Path.Combine(_folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(script)!);
            File.WriteAllText(script, $"#!/bin/sh\nCHASQUI_COMMAND={typed} exec dotnet exec '{program}' \"$@\"\n");
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        // A trace that the reader is said to have.
        File.WriteAllText(Path.Combine(_folder, "conv.csv"), "at,prompt_tokens,output_tokens\n" + string.Concat(Enumerable.Range(0, 200).Select(i => FormattableString.Invariant($"{i * 0.5},{100 + i},{20 + (i % 30)}\n"))));
    }

    /// <summary>What stands in documents, and what it stands for here. Commands that listen get free ports, so that documents may run beside each other.</summary>
    private IEnumerable<(string Written, string Meant)> Stands =>
    [
        ("0.0.0.0:11435", "0.0.0.0:0"),
        ("0.0.0.0:11436", "0.0.0.0:0"),
        ("0.0.0.0:8080", "0.0.0.0:0"),
        ("localhost:11435", _http),
        ("127.0.0.1:11435", _http),
        ("gateway:11435", _http),
        ("127.0.0.1:11436", _mcp),
        // The reader's own engines: this gateway, which speaks their APIs.
        ("127.0.0.1:11434", _http),
        ("10.0.0.5:11434", _http),
        ("10.0.0.6:8000", _http),
        ("10.0.0.7:11436", _mcp),
        // A key that a command before has printed.
        ("chq_4mZp0QxT9aLd_…", _key),
    ];

    /// <summary>Puts what the test means in the place of what a document has.</summary>
    public string Fill(string text) => Stands.Aggregate(text, (filled, pair) => filled.Replace(pair.Written, pair.Meant, StringComparison.Ordinal));

    public void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);

    public void Delete(string name) => File.Delete(Path.Combine(_folder, name));

    /// <summary>Types a command, as it stands in the document.</summary>
    /// <returns>Its exit code and all that it said.</returns>
    public async Task<CliOutcome> TypeAsync(string command)
    {
        var serves = Serves(command);
        if (!serves && !command.Contains(" keys ", StringComparison.Ordinal))
            await StartGatewayAsync();
        var outcome = await RunAsync(Fill(command), untilFirstLine: serves || command.Contains(" follow ", StringComparison.Ordinal));
        if (outcome.Out.StartsWith("chq_", StringComparison.Ordinal))
            _key = outcome.Out.Trim();
        return outcome;
    }

    public async ValueTask DisposeAsync()
    {
        await StopGatewayAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Whether a command is one of those that run until Ctrl-C.</summary>
    private static bool Serves(string command)
    {
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words[0] is "./run" or "chasqui" && (words.Length == 1 || words[1] == "serve" || words[1].StartsWith("--", StringComparison.Ordinal)) && !words.Contains("--check");
    }

    private async Task StartGatewayAsync()
    {
        if (_gateway is not null)
            return;
        _gateway = ChasquiProcess.StartIn(_folder, new() { ["CHASQUI__Engine__Process"] = "gateway" }, "serve", "--http", "127.0.0.1:0", "--json", "--config", EmptyConfiguration());
        var line = await _gateway.Out.ReadLineAsync(TestContext.Current.CancellationToken) ?? throw new InvalidOperationException(_gateway.Error);
        var announced = JsonElement.Parse(line);
        _http = new Uri(announced.GetProperty("listening")[0].GetString()!).Authority;
        _mcp = new Uri(announced.GetProperty("mcp")[0].GetString()!).Authority;
    }

    private string EmptyConfiguration()
    {
        var path = Path.Combine(_folder, "gateway-of-the-test.json");
        File.WriteAllText(path, "{}");
        return path;
    }

    private async Task StopGatewayAsync()
    {
        if (_gateway is null)
            return;
        await _gateway.DisposeAsync();
        _gateway = null;
    }

    private async Task<CliOutcome> RunAsync(string command, bool untilFirstLine)
    {
        var start = new ProcessStartInfo("bash", ["-c", untilFirstLine ? "exec " + command : command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = _folder,
            Environment =
            {
                ["HOME"] = _folder,
                ["PATH"] = Path.Combine(_folder, "bin") + ":" + Environment.GetEnvironmentVariable("PATH"),
                ["OLLAMA_MODELS"] = "",
                ["CHASQUI_SERVER"] = _gateway is null ? "" : "http://" + _http,
                ["CHASQUI_KEY"] = _key,
                ["GPU2_KEY"] = "secret",
                ["CHASQUI__Engine__Process"] = "gateway",
                ["CHASQUI__Mcp__Listen"] = "127.0.0.1:0",
                ["CHASQUI__Http__Endpoints"] = "127.0.0.1:0",
            },
        };
        // One gateway a data folder, and the one of the document runs on.
        if (untilFirstLine && Serves(command))
        {
            var second = Directory.CreateDirectory(Path.Combine(_folder, "second")).FullName;
            start.Environment["CHASQUI__Data__Folder"] = second;
            if (File.Exists(Path.Combine(_folder, ".chasqui", "keys.json")))
                File.Copy(Path.Combine(_folder, ".chasqui", "keys.json"), Path.Combine(second, "keys.json"), overwrite: true);
        }
        using var process = Process.Start(start) ?? throw new InvalidOperationException("bash did not start");
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = new StringBuilder();
        if (untilFirstLine)
        {
            output.AppendLine(await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
            using var kill = Process.Start("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        output.Append(await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new CliOutcome(process.ExitCode, output.ToString(), await error);
    }
}
