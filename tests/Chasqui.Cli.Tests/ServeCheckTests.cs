using System.Text.Json;

namespace Chasqui.Cli.Tests;

/// <summary><c>serve --check</c> and <c>serve</c> come to the same verdict.</summary>
public sealed class ServeCheckTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("chasqui-check-").FullName;

    private string Data => Path.Combine(_folder, "data");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("{}", "0.0.0.0:0 can be reached from other machines, and there is no key", "--http", "0.0.0.0:0")]
    [InlineData("{}", "tcp://0.0.0.0:0 can be reached from other machines, and there is no key", "--mcp", "0.0.0.0:0")]
    [InlineData("{}", "Mcp:Certificate must name the PEM file", "--mcp", "tls://127.0.0.1:0")]
    [InlineData("""{"Mcp":{"Certificate":"none.pem"}}""", "none.pem cannot be used: ", "--mcp", "tls://127.0.0.1:0")]
    [InlineData("""{"Mcp":{"Certificate":"c.json"}}""", "c.json cannot be used: it is no certificate in PEM format", "--mcp",
        "tls://127.0.0.1:0")]
    [InlineData("""{"Cache":{"Redis":"a,b=c,ssl=secret"}}""", "Cache:Redis is no connection string of Redis; it must be one such as")]
    [InlineData("""{"Sessions":{"Database":"Host=db;Pasword=secret"}}""",
        "Sessions:Database is no connection string of PostgreSQL; it must be one such as")]
    [InlineData("{}", "is a file", "--data", "c.json")]
    [InlineData("{}", "is a file", "--data", "c.json/data")]
    public async Task What_serve_refuses_is_not_right(string configuration, string said, params string[] args)
    {
        var file = Path.Combine(_folder, "c.json");
        await File.WriteAllTextAsync(file, configuration, TestContext.Current.CancellationToken);
        string[] all =
        [
            "serve", "--config", file, .. args.Contains("--data") ? [] : new[] { "--data", Data }, .. args.Contains("--http") ? []
                : new[] { "--http", "127.0.0.1:0" },
            .. args.Select(arg => arg.StartsWith("c.json", StringComparison.Ordinal) ? Path.Combine(_folder, arg) : arg),
        ];

        var check = await RunAsync([.. all, "--check"]);
        Assert.False(Directory.Exists(Data));
        var serve = await RunAsync(all);

        Assert.Equal((1, ""), (check.ExitCode, check.Out));
        Assert.Contains(said, check.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", check.Error, StringComparison.Ordinal);
        Assert.Equal((serve.ExitCode, serve.Error), (check.ExitCode, check.Error));
    }

    [Fact]
    public async Task A_damaged_file_of_keys_is_not_right()
    {
        Directory.CreateDirectory(Data);
        await File.WriteAllTextAsync(Path.Combine(Data, "keys.json"), "{", TestContext.Current.CancellationToken);

        var check = await RunAsync("serve", "--data", Data, "--http", "127.0.0.1:0", "--check");

        Assert.Equal(1, check.ExitCode);
        Assert.Contains("keys.json line 1: is no file of keys: it ends too early", check.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "--allow-anonymous")]
    [InlineData(true)]
    public async Task An_open_address_is_right_with_a_key_or_where_it_is_meant(bool key, params string[] args)
    {
        if (key)
            Assert.Equal(0, (await new CliRun().RunAsync("keys", "add", "a", "--data", Data)).ExitCode);

        var check = await RunAsync(["serve", "--data", Data, "--http", "0.0.0.0:0", "--check", .. args]);
        var json = await RunAsync(["serve", "--data", Data, "--http", "0.0.0.0:0", "--check", "--json", .. args]);

        Assert.Equal((0, ""), (check.ExitCode, check.Out));
        Assert.Contains("is right", check.Error, StringComparison.Ordinal);
        Assert.True(JsonElement.Parse(json.Out).GetProperty("right").GetBoolean());
        Assert.Equal(key, Directory.Exists(Data));
    }

    private static Task<CliOutcome> RunAsync(params string[] args) => new CliRun { Serve = new LocalGateway() }.RunAsync(args);
}
