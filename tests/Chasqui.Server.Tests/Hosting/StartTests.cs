using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server.Tests;

public sealed class StartTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("chasqui-start-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_port_in_use_is_named_in_one_line()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        var log = new LastLine();
        await using var gateway = GatewayHost.Build(
            Options(new HttpEndpoint(IPAddress.Loopback, port), _folder), new ScriptedEngine(), builder => builder.Logging.AddProvider(log));

        var error = await Assert.ThrowsAsync<EndpointUnavailableException>(() => GatewayHost.StartAsync(gateway, TestContext.Current.CancellationToken));

        Assert.Equal($"cannot listen on 127.0.0.1:{port}: the address is already in use; choose another with --http ADDR:PORT or Http:Endpoints", error.Message);
        Assert.Null(log.Line);
    }

    [Fact]
    public async Task An_address_that_is_not_ours_is_named_in_one_line()
    {
        await using var gateway = GatewayHost.Build(Options(new HttpEndpoint(IPAddress.Parse("192.0.2.1"), 0), _folder) with { AllowAnonymous = true }, new ScriptedEngine());

        var error = await Assert.ThrowsAsync<EndpointUnavailableException>(() => GatewayHost.StartAsync(gateway, TestContext.Current.CancellationToken));

        Assert.Equal("cannot listen on 192.0.2.1:0: this machine has no such address; choose another with --http ADDR:PORT or Http:Endpoints", error.Message);
    }

    [Fact]
    public async Task A_data_folder_that_cannot_be_made_is_named_in_one_line()
    {
        var file = Path.Combine(_folder, "file");
        await File.WriteAllTextAsync(file, "", TestContext.Current.CancellationToken);
        var data = Path.Combine(file, "data");
        await using var gateway = GatewayHost.Build(Options(new HttpEndpoint(IPAddress.Loopback, 0), data), new ScriptedEngine());

        var error = await Assert.ThrowsAsync<DataFolderException>(() => GatewayHost.StartAsync(gateway, TestContext.Current.CancellationToken));

        Assert.StartsWith($"the data folder {data} cannot be used: ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public async Task A_data_folder_without_permission_is_named_in_one_line()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("permissions are made otherwise on Windows");
            return;
        }
        var data = Path.Combine(_folder, "readonly");
        if (Environment.IsPrivilegedProcess)
        {
            // Root may write to every folder but the kernel's own.
            data = "/sys/kernel/chasqui";
            Assert.SkipUnless(Directory.Exists("/sys/kernel"), "a privileged user may write everywhere");
        }
        else
        {
            Directory.CreateDirectory(data, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }
        await using var gateway = GatewayHost.Build(Options(new HttpEndpoint(IPAddress.Loopback, 0), data), new ScriptedEngine());

        var error = await Assert.ThrowsAsync<DataFolderException>(() => GatewayHost.StartAsync(gateway, TestContext.Current.CancellationToken));

        Assert.Contains("no permission to write there", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_started_gateway_tells_its_real_address_and_has_made_its_data_folder()
    {
        var data = Path.Combine(_folder, "new", "data");
        await using var gateway = GatewayHost.Build(Options(new HttpEndpoint(IPAddress.Loopback, 0), data), new ScriptedEngine());

        await GatewayHost.StartAsync(gateway, TestContext.Current.CancellationToken);

        Assert.NotEqual(0, Assert.Single(GatewayHost.Addresses(gateway)).Port);
        Assert.True(Directory.Exists(Path.Combine(data, "models")));
        Assert.True(File.Exists(Path.Combine(data, "sessions.db")));
    }

    private static GatewayOptions Options(HttpEndpoint endpoint, string data) =>
        new() { Http = new HttpOptions { Endpoints = [endpoint] }, Data = new DataOptions { Folder = data } };

    private sealed class LastLine : ILoggerProvider, ILogger
    {
        public string? Line { get; private set; }

        public ILogger CreateLogger(string categoryName) => this;

        public void Dispose() { }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Line = formatter(state, exception);
    }
}
