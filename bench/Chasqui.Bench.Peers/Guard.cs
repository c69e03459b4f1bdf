using System.Diagnostics;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Peers;

/// <summary>Runs a program that does not end with its parent, such as nginx: it ends when this does, and this when its standard input ends. What the program says goes to a file.</summary>
internal static class Guard
{
    public static async Task<int> RunAsync(string log, string program, string[] arguments, Control control)
    {
        // The shell becomes the program, so the process is the program's.
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardInput = true, UseShellExecute = false };
        foreach (var argument in (string[])["-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1 </dev/null", "sh", log, program, .. arguments])
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        try
        {
            await control.SayAsync(new PeerAnswer { Process = process.Id });
            await control.RunAsync(_ => Task.FromResult(new PeerAnswer { Process = process.HasExited ? 0 : process.Id }));
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
        return 0;
    }
}
