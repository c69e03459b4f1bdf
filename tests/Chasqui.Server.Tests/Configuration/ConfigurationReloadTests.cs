using Chasqui.Gateway;

namespace Chasqui.Server.Tests;

public sealed class ConfigurationReloadTests : IDisposable
{
    private const string One = """{ "Nodes": [ { "Name": "one", "Url": "http://a:1" } ], "Http": { "MaxRequestBodyBytes": 2048 } }""";
    private const string Two = """{ "Nodes": [ { "Name": "two", "Url": "http://a:1" } ], "Http": { "MaxRequestBodyBytes": 2048 } }""";

    private readonly string _folder = Directory.CreateTempSubdirectory("chasqui-config-").FullName;
    private readonly LineList<ConfigurationWatch> _log = new();
    private readonly LogThreshold _threshold = new(Microsoft.Extensions.Logging.LogLevel.Information);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_may_change_holds_at_once()
    {
        var (watch, settings) = Start(One, TimeProvider.System);
        var heard = new List<GatewaySettings>();
        using var listening = settings.OnChange(heard.Add);
        using (watch)
        {
            Write("""{ "Nodes": [ { "Name": "two", "Url": "http://a:1" } ], "Http": { "MaxRequestBodyBytes": 2048 }, "Routing": { "MaxAttempts": 5 }, "Models": { "Deny": ["x"] }, "Logging": { "Level": "debug" } }""");
            watch.Reload();
        }

        Assert.Same(settings.Current, Assert.Single(heard));
        Assert.Equal("two", Assert.Single(settings.Current.Nodes!).Name);
        Assert.Equal(5, settings.Current.Routing.MaxAttempts);
        Assert.True(_threshold.Allows(Microsoft.Extensions.Logging.LogLevel.Debug));
        Assert.Equal(["x"], settings.Current.Catalogue.Deny);
        Assert.Equal(["the configuration was read again; new are Logging:Level, Models:Deny, Nodes, Routing:MaxAttempts"], _log.Lines);
    }

    [Fact]
    public void What_is_wrong_is_refused_with_file_line_and_key_and_the_old_holds()
    {
        var (watch, settings) = Start(One, TimeProvider.System);
        var before = settings.Current;
        using (watch)
        {
            Write("{ \"Nodes\": [],\n \"Routing\": {\n \"MaxAttempts\": 99 } }");
            watch.Reload();
            Write("{ \"Nodes\": [");
            watch.Reload();
            File.Delete(Path.Combine(_folder, "chasqui.json"));
            watch.Reload();
            Assert.Same(before, settings.Current);

            // And what is right again holds again.
            Write(Two);
            watch.Reload();
        }

        Assert.Equal("two", Assert.Single(settings.Current.Nodes!).Name);
        const string Refused = "the configuration was changed and is refused, what held before still holds: ";
        Assert.Equal(4, _log.Lines.Count);
        Assert.Equal(Refused + "chasqui.json line 3: \"Routing:MaxAttempts\" is \"99\", but must be a whole number from 1 to 10", Plain(_log.Lines[0]));
        Assert.StartsWith(Refused + "chasqui.json line 1 cannot be read: ", Plain(_log.Lines[1]), StringComparison.Ordinal);
        Assert.Equal(Refused + "chasqui.json does not exist", Plain(_log.Lines[2]));
    }

    [Fact]
    public void What_needs_a_restart_is_named_and_nothing_else_is_touched()
    {
        var (watch, settings) = Start(One, TimeProvider.System);
        var before = settings.Current;
        using (watch)
        {
            Write("""{ "Nodes": [ { "Name": "one", "Url": "http://a:1" } ], "Http": { "Endpoints": ["127.0.0.1:1"] }, "Engine": { "Slots": 2 } }""");
            watch.Reload();
            watch.Reload();
        }

        Assert.Same(before, settings.Current);
        Assert.Equal(["the configuration was read again; what it says of Engine:Slots, Http:Endpoints, Http:MaxRequestBodyBytes takes effect after a restart"], _log.Lines);
    }

    [Fact]
    public void A_listener_that_fails_keeps_no_other_from_hearing()
    {
        var (watch, settings) = Start(One, TimeProvider.System);
        var heard = 0;
        using var failing = settings.OnChange(_ => throw new InvalidOperationException("no"));
        using var other = settings.OnChange(_ => heard++);
        var gone = settings.OnChange(_ => heard += 100);
        gone.Dispose();
        using (watch)
        {
            Write(Two);
            watch.Reload();
        }
        Assert.Equal(1, heard);
        Assert.Equal("the new configuration holds, but a part of the gateway could not follow it", Assert.Single(_log.Lines));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_change_of_the_file_is_noticed()
    {
        var (watch, settings) = Start(One, TimeProvider.System);
        using (watch)
        {
            var changed = Next(settings);
            await watch.StartAsync(TestContext.Current.CancellationToken);
            // As editors do: a new file takes the old one's name.
            var other = Path.Combine(_folder, "other");
            await File.WriteAllTextAsync(other, Two + "\n", TestContext.Current.CancellationToken);
            File.Move(other, Path.Combine(_folder, "chasqui.json"), overwrite: true);
            Assert.Equal("two", Assert.Single((await changed).Nodes!).Name);
            await watch.StopAsync(TestContext.Current.CancellationToken);
        }
    }

    [Theory(Timeout = 60_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Where_the_system_tells_nothing_the_file_is_looked_at_and_asking_helps(bool ask)
    {
        var time = new SignallingTime();
        var (watch, settings) = Start(One, time, watches: false);
        using (watch)
        {
            var changed = Next(settings);
            await watch.StartAsync(TestContext.Current.CancellationToken);
            await time.TimerAsync(ConfigurationWatch.Interval);
            Write(Two + "\n");
            if (ask)
                watch.Request();
            else
                time.Advance(ConfigurationWatch.Interval);
            await time.TimerAsync(ConfigurationWatch.Quiet);
            Assert.False(changed.IsCompleted);
            time.Advance(ConfigurationWatch.Quiet);
            Assert.Equal("two", Assert.Single((await changed).Nodes!).Name);
            await watch.StopAsync(TestContext.Current.CancellationToken);
        }
    }

    private static Task<GatewaySettings> Next(LiveGatewaySettings settings)
    {
        var changed = new TaskCompletionSource<GatewaySettings>(TaskCreationOptions.RunContinuationsAsynchronously);
        settings.OnChange(next => changed.TrySetResult(next));
        return changed.Task;
    }

    private string Plain(string line) => line.Replace(_folder + Path.DirectorySeparatorChar, "", StringComparison.Ordinal);

    private (ConfigurationWatch Watch, LiveGatewaySettings Settings) Start(string json, TimeProvider time, bool watches = true)
    {
        Write(json);
        var file = ConfigurationFile.Load(Path.Combine(_folder, "chasqui.json"));
        var settings = new LiveGatewaySettings(ConfigurationFile.SettingsOf(file.Options));
        return (new ConfigurationWatch(file, settings, _threshold, time, _log) { Watches = watches }, settings);
    }

    private void Write(string json) => File.WriteAllText(Path.Combine(_folder, "chasqui.json"), json);
}
