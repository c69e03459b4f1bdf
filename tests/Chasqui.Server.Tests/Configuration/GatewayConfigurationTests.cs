using System.Net;

namespace Chasqui.Server.Tests;

public sealed class GatewayConfigurationTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("chasqui-config-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Without_any_source_the_defaults_hold()
    {
        var options = GatewayConfiguration.Read([]);

        Assert.Equal("127.0.0.1:11435", Assert.Single(options.Http.Endpoints).ToString());
        Assert.Equal(64 << 20, options.Http.MaxRequestBodyBytes);
        Assert.Equal(TimeSpan.FromMinutes(5), options.Models.KeepAlive);
        Assert.Equal(TimeSpan.FromSeconds(30), options.Shutdown.DrainTimeout);
        Assert.Contains(Path.Combine(options.Data.Folder, "models"), options.Models.Folders);
    }

    [Fact]
    public void A_file_sets_every_key_and_its_paths_start_from_its_folder()
    {
        var options = GatewayConfiguration.Read([Write("""
            {
              "$schema": "./chasqui.schema.json", // comments are allowed
              "Http": { "Endpoints": ["[::1]:0", "*:8080"], "MaxRequestBodyBytes": 1048576, "Origins": ["https://*.example.org"] },
              "Models": { "Folders": ["gguf"], "OllamaStore": "", "KeepAlive": "-1" },
              "Data": { "Folder": "state" },
              "Shutdown": { "DrainTimeout": "1m30s" },
            }
            """)]);

        Assert.Equal([new HttpEndpoint(IPAddress.IPv6Loopback, 0), new HttpEndpoint(IPAddress.IPv6Any, 8080)], options.Http.Endpoints);
        Assert.Equal(1048576, options.Http.MaxRequestBodyBytes);
        Assert.Equal(["https://*.example.org"], options.Http.Origins);
        Assert.Equal([Path.Combine(_folder, "gguf")], options.Models.Folders);
        Assert.Equal("", options.Models.OllamaStore);
        Assert.Equal(Timeout.InfiniteTimeSpan, options.Models.KeepAlive);
        Assert.Equal(Path.Combine(_folder, "state"), options.Data.Folder);
        Assert.Equal(TimeSpan.FromSeconds(90), options.Shutdown.DrainTimeout);
    }

    [Fact]
    public void What_comes_later_wins_and_a_list_is_replaced_as_a_whole()
    {
        var options = GatewayConfiguration.Read(
        [
            Write("""{ "Http": { "Endpoints": ["127.0.0.1:1", "127.0.0.1:2"] }, "Models": { "KeepAlive": "1h" } }"""),
            ConfigurationSource.CommandLine(new Dictionary<string, string?> { ["http:endpoints"] = "127.0.0.1:3" }),
        ]);

        Assert.Equal(3, Assert.Single(options.Http.Endpoints).Port);
        Assert.Equal(TimeSpan.FromHours(1), options.Models.KeepAlive);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \r\n\t")]
    [InlineData("\uFEFF")]
    public void An_empty_file_says_what_would_be_right(string text)
    {
        File.WriteAllText(Path.Combine(_folder, "chasqui.json"), text);

        var e = Assert.Throws<ConfigurationException>(() => ConfigurationSource.File(Path.Combine(_folder, "chasqui.json")));

        Assert.EndsWith("chasqui.json line 1 cannot be read: it is empty; write {} for no entries, or remove it", e.Message);
    }

    [Theory]
    [InlineData("""{ "Http": { "Endpoint": "127.0.0.1:1" } }""", "chasqui.json line 1: \"Http:Endpoint\" is unknown; the nearest is \"Http:Endpoints\"")]
    [InlineData("""{ "Modles": { "KeepAlive": "1h" } }""", "chasqui.json line 1: \"Modles:KeepAlive\" is unknown; the nearest is \"Models:KeepAlive\"")]
    [InlineData("""{ "Http": 5 }""", "chasqui.json line 1: \"Http\" is \"5\", but must be an object with Endpoints, MaxRequestBodyBytes, MaxConnections, Origins, StallTimeout")]
    [InlineData("""{ "Http": { "Endpoints": ["nowhere"] } }""",
        "chasqui.json line 1: \"Http:Endpoints\" is \"nowhere\", but must be ADDR:PORT, such as 127.0.0.1:11435, [::1]:11435, localhost:11435 or *:11435")]
    [InlineData("""{ "Http": { "Endpoints": [] } }""",
        "chasqui.json line 1: \"Http:Endpoints\" is \"\", but must be ADDR:PORT, such as 127.0.0.1:11435, [::1]:11435, localhost:11435 or *:11435")]
    [InlineData("""{ "Http": { "MaxRequestBodyBytes": 12 } }""",
        "chasqui.json line 1: \"Http:MaxRequestBodyBytes\" is \"12\", but must be a whole number from 1024 to 1073741824")]
    [InlineData("""{ "Http": { "Origins": ["example.org"] } }""",
        "chasqui.json line 1: \"Http:Origins\" is \"example.org\", but must be an origin such as https://chat.example.org, with at most one *")]
    [InlineData("""{ "Models": { "KeepAlive": "soon" } }""",
        "chasqui.json line 1: \"Models:KeepAlive\" is \"soon\", but must be a duration such as 5m, 90s or 1h30m, or -1 for ever")]
    [InlineData("""{ "Shutdown": { "DrainTimeout": "2h" } }""", "chasqui.json line 1: \"Shutdown:DrainTimeout\" is \"2h\", but must be a duration from 0s to 1h")]
    [InlineData("""{ "Data": { "Folder": "" } }""", "chasqui.json line 1: \"Data:Folder\" is \"\", but must be a path")]
    public void A_wrong_key_or_value_is_named_in_one_line(string json, string message)
    {
        var error = Assert.Throws<ConfigurationException>(() => GatewayConfiguration.Read([Write(json)]));
        Assert.Equal(message, error.Message);
    }

    [Fact]
    public void A_wrong_environment_variable_is_named_as_it_is_spelled()
    {
        var source = new ConfigurationSource("the environment", _folder, new Dictionary<string, string?> { ["Http:Port"] = "1" });
        var error = Assert.Throws<ConfigurationException>(() => GatewayConfiguration.Read([source]));
        Assert.Equal("the environment: \"CHASQUI__Http__Port\" is unknown; the nearest is \"Http:Endpoints\"", error.Message);
    }

    [Theory]
    [InlineData("", "chasqui.json line 1 cannot be read: ")]
    [InlineData("{ \"Http\":\n ", "chasqui.json line 2 cannot be read: it ends too early: a value, a list or an object is not complete")]
    [InlineData("\n{ \"Http\": {\n \"Endpoints\": nowhere } }",
        "chasqui.json line 3 cannot be read: 'nowhere' is no value; there are true, false and null")]
    [InlineData("{ \"Http\" {} }", "chasqui.json line 1 cannot be read: '{' stands where a colon must be")]
    [InlineData("{ \"Http\": \"\\ud800\" }", "chasqui.json line 1 cannot be read: ")]
    [InlineData("// nothing\n[]", "chasqui.json line 2 cannot be read: it must be an object: { … }")]
    [InlineData("// nothing\n /* at all */ ", "chasqui.json line 1 cannot be read: it is empty; write {} for no entries, or remove it")]
    [InlineData("{ \"Http\": {},\n\"Http\": { \"Endpoints\": \"a\" },\n\"http\": {\n\"endpoints\": \"b\" } }", "chasqui.json line 4 cannot be read: \"http:endpoints\" is given twice, first in line 2")]
    public void A_file_that_is_no_JSON_object_is_refused_in_one_line(string json, string part)
    {
        var error = Assert.Throws<ConfigurationException>(() => Write(json));
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void A_named_file_must_exist()
    {
        var error = Assert.Throws<ConfigurationException>(() => GatewayConfiguration.Load(Path.Combine(_folder, "none.json")));
        Assert.EndsWith("none.json does not exist", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1:99999")]
    [InlineData("127.0.0.1")]
    [InlineData(":80")]
    [InlineData("1.2.3:80")]
    [InlineData("example.org:80")]
    [InlineData("[127.0.0.1]:80")]
    [InlineData("::1:80")]
    public void What_is_no_endpoint_is_refused(string text) => Assert.False(HttpEndpoint.TryParse(text, out _));

    private ConfigurationSource Write(string json)
    {
        var path = Path.Combine(_folder, "chasqui.json");
        File.WriteAllText(path, json);
        return ConfigurationSource.File(path);
    }
}
