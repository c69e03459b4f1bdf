using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server.Tests;

/// <summary>A real gateway on a free loopback port.</summary>
internal sealed class RunningGateway : IAsyncDisposable
{
    private static readonly GatewayOptions _options = new()
    {
        Http = new HttpOptions { Endpoints = [new HttpEndpoint(IPAddress.Loopback, 0)] },
        Models = new ModelOptions { OllamaStore = "", Registries = [.. new ModelOptions().Registries, "127.0.0.1:*"] },
        Nodes = [],
    };

    private readonly DirectoryInfo _data;

    private RunningGateway(WebApplication app, DirectoryInfo data)
    {
        App = app;
        _data = data;
        Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        // Whoever leaves an answer leaves it at once, and reads no more of it to keep the connection.
        Http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, AutomaticDecompression = DecompressionMethods.None, ResponseDrainTimeout = TimeSpan.Zero })
        {
            BaseAddress = Address,
            Timeout = TimeSpan.FromMinutes(2),
        };
    }

    public WebApplication App { get; }

    public Uri Address { get; }

    public HttpClient Http { get; }

    /// <summary>Where it listens for MCP.</summary>
    public IPEndPoint Wire => IPEndPoint.Parse(new Uri(GatewayHost.WireAddresses(App)[0]).Authority);

    public IEngine Engine => App.Services.GetRequiredService<IEngine>();

    public static async Task<RunningGateway> StartAsync(
        IEngine engine, Func<GatewayOptions, GatewayOptions>? change = null, Action<WebApplicationBuilder>? configure = null)
    {
        var (options, data) = OwnData();
        var app = GatewayHost.Build(change?.Invoke(options) ?? options, engine, configure);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new RunningGateway(app, data);
    }

    /// <summary>A gateway over the embedded engine in the gateway's own process.</summary>
    public static Task<RunningGateway> StartAsync(Func<GatewayOptions, GatewayOptions> change, Action<WebApplicationBuilder>? configure = null) =>
        StartAsync(EngineProcess.Gateway, change, configure);

    /// <summary>A gateway over the embedded engine.</summary>
    /// <param name="process">Where models run; in a worker process as the gateway comes.</param>
    /// <param name="change">A last word on the options.</param>
    /// <param name="configure">A last word on the services.</param>
    public static async Task<RunningGateway> StartAsync(EngineProcess process, Func<GatewayOptions, GatewayOptions> change, Action<WebApplicationBuilder>? configure = null)
    {
        var (options, data) = OwnData();
        options = change(options) with { EngineProcess = process };
        var app = process == EngineProcess.Worker
            ? GatewayHost.Build(options, services => ModelManagement.Add(EngineWorker.Create(options, Repository.Program, services), options, services), configure)
            : GatewayHost.Build(options, configure);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new RunningGateway(app, data);
    }

    /// <summary>Options with a data folder that no other gateway has.</summary>
    private static (GatewayOptions Options, DirectoryInfo Data) OwnData()
    {
        var data = Directory.CreateTempSubdirectory("chasqui-data-");
        return (_options with { Data = new DataOptions { Folder = data.FullName } }, data);
    }

    public Task<HttpResponseMessage> PostAsync(string path, string body) =>
        Http.PostAsync(new Uri(path, UriKind.Relative), new StringContent(body), TestContext.Current.CancellationToken);

    public Task<HttpResponseMessage> GetAsync(string path) =>
        Http.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await App.StopAsync(TestContext.Current.CancellationToken);
        await App.DisposeAsync();
        if (Directory.Exists(_data.FullName))
            _data.Delete(recursive: true);
    }
}
