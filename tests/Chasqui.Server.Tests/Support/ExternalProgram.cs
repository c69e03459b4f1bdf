using System.Diagnostics;

namespace Chasqui.Server.Tests;

/// <summary>A program that is not part of this repository, such as node or python3.</summary>
internal static class ExternalProgram
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Runs it to its end; it is killed with all that it started when the test is cancelled.</summary>
    /// <param name="folder">Where it runs.</param>
    /// <param name="program">Its name, as a shell finds it.</param>
    /// <param name="arguments">What it is given.</param>
    /// <param name="variables">Of its environment; null takes one out.</param>
    /// <returns>Its exit code and what it printed; with what it said of errors, where it failed.</returns>
    /// <exception cref="System.ComponentModel.Win32Exception">There is no such program.</exception>
    public static async Task<(int Code, string Output)> RunAsync(string folder, string program, string[] arguments, params (string Name, string? Value)[] variables)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        try
        {
            process.StandardInput.Close();
            var errors = process.StandardError.ReadToEndAsync(Token);
            var output = await process.StandardOutput.ReadToEndAsync(Token);
            await process.WaitForExitAsync(Token);
            return (process.ExitCode, process.ExitCode == 0 ? output : output + await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}
