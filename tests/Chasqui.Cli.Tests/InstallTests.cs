using System.Diagnostics;
using System.Runtime.Versioning;

namespace Chasqui.Cli.Tests;

/// <summary><c>./run install</c>, in a home of its own.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class InstallTests : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("chasqui home's ").FullName;

    private string Place => Path.Combine(_home, ".local", "bin");

    private string Target => Path.Combine(Place, "chasqui");

    public void Dispose() => Directory.Delete(_home, recursive: true);

    [Fact]
    public async Task It_makes_a_command_that_starts_this_checkout_says_how_the_PATH_gets_it_and_can_be_repeated_and_undone()
    {
        var first = await InstallAsync();
        Assert.Equal(0, first.ExitCode);
        Assert.Contains($"The command chasqui is {Target}. It starts this checkout, {Repository.Root}.", first.Error);
        Assert.Contains("echo 'export PATH=\"$HOME/.local/bin:$PATH\"' >> ~/.bashrc", first.Error);
        Assert.True(File.GetUnixFileMode(Target).HasFlag(UnixFileMode.UserExecute));
        var script = await File.ReadAllTextAsync(Target, TestContext.Current.CancellationToken);
        Assert.Contains($"CHASQUI_COMMAND=chasqui exec '{Repository.Root}/run' \"$@\"", script);

        var again = await InstallWithAsync(path: Place + ":/usr/bin:/bin");
        Assert.Equal(0, again.ExitCode);
        Assert.DoesNotContain("PATH", again.Error);
        Assert.Equal(script, await File.ReadAllTextAsync(Target, TestContext.Current.CancellationToken));
        Assert.Equal(Target, Assert.Single(Directory.GetFiles(Place)));

        var undone = await InstallAsync("--uninstall");
        Assert.Equal(0, undone.ExitCode);
        Assert.Contains("is removed", undone.Error);
        Assert.False(File.Exists(Target));
        Assert.Equal(0, (await InstallAsync("--uninstall")).ExitCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_that_it_did_not_make_stays_as_it_is(bool isLink)
    {
        Directory.CreateDirectory(Place);
        if (isLink)
            File.CreateSymbolicLink(Target, "/no/such/program");
        else
            await File.WriteAllTextAsync(Target, "mine", TestContext.Current.CancellationToken);

        foreach (var arguments in new string[][] { [], ["--uninstall"] })
        {
            var outcome = await InstallAsync(arguments);
            Assert.Equal(1, outcome.ExitCode);
            Assert.Contains($"{Target} was not made by", outcome.Error);
        }
        Assert.Equal(isLink ? "/no/such/program" : "mine", isLink ? new FileInfo(Target).LinkTarget : await File.ReadAllTextAsync(Target, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Another_one_that_the_shell_finds_first_is_named()
    {
        var other = Directory.CreateDirectory(Path.Combine(_home, "other")).FullName;
        await File.WriteAllTextAsync(Path.Combine(other, "chasqui"), "#!/bin/sh\n", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(Path.Combine(other, "chasqui"), UnixFileMode.UserRead | UnixFileMode.UserExecute);

        var outcome = await InstallWithAsync(path: $"{other}:{Place}:/usr/bin:/bin");

        Assert.Contains($"your shell finds another one first: {other}/chasqui", outcome.Error);
    }

    [Theory]
    [InlineData("", "HOME is not set")]
    [InlineData("/dev/null", "/dev/null/.local/bin cannot be written to")]
    public async Task A_home_that_cannot_be_written_to_is_one_line(string home, string expected)
    {
        var outcome = await InstallWithAsync(home: home);

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains(expected, Assert.Single(outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Fact]
    public async Task Another_argument_is_wrong_use() => Assert.Equal(2, (await InstallAsync("--global")).ExitCode);

    private Task<CliOutcome> InstallAsync(params string[] arguments) => InstallAsync(arguments, null, null);

    private Task<CliOutcome> InstallWithAsync(string? path = null, string? home = null) => InstallAsync([], path, home);

    private async Task<CliOutcome> InstallAsync(string[] arguments, string? path, string? home)
    {
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "run"), ["install", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["HOME"] = home ?? _home, ["PATH"] = path ?? "/usr/bin:/bin", ["SHELL"] = "/bin/bash" },
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new CliOutcome(process.ExitCode, await output, error);
    }
}
