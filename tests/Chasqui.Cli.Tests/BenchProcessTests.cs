using System.Diagnostics;
using Chasqui.Bench.Proxy;

namespace Chasqui.Cli.Tests;

/// <summary>What <c>bench proxy</c> reads of processes that are not its own.</summary>
public sealed class BenchProcessTests
{
    [Fact]
    public void A_process_is_read_with_what_it_started()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "processes are read as Linux shows them");
        using var child = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "cat; exit"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;

        var tree = ProcessTime.Tree(Environment.ProcessId);

        Assert.Equal(Environment.ProcessId, tree[0]);
        Assert.Contains(child.Id, tree);
        child.StandardInput.Close();
        child.WaitForExit();
        Assert.DoesNotContain(child.Id, ProcessTime.Tree(Environment.ProcessId));
    }

    [Fact]
    public void Processor_time_is_what_the_system_counts()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "processes are read as Linux shows them");
        using var own = Process.GetCurrentProcess();
        using var idle = Process.Start(new ProcessStartInfo("/bin/cat") { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        var before = own.TotalProcessorTime;

        var busy = ProcessTime.Of(Environment.ProcessId);

        // The one counts nanoseconds, the other ticks of 10 ms, user and kernel apart.
        Assert.True(busy >= before - TimeSpan.FromMilliseconds(40), $"{busy} against {before}");
        Assert.InRange(ProcessTime.Of(idle.Id), TimeSpan.FromTicks(1), busy);
        idle.StandardInput.Close();
        idle.WaitForExit();
    }

    [Fact]
    public void A_program_that_is_not_there_is_not_found() => Assert.Null(Programs.Find("chasqui-no-such-program"));
}
