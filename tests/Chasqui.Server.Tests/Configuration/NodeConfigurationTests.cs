using Chasqui.Gateway;

namespace Chasqui.Server.Tests;

public sealed class NodeConfigurationTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("chasqui-config-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_file_sets_nodes_models_policies_and_routing()
    {
        Environment.SetEnvironmentVariable("CHASQUI_TEST_KEY", "secret");
        var options = Read("""
            {
              "Nodes": [
                { "Name": "gpu1", "Url": "http://10.0.0.5:11434/", "Kind": "Ollama", "Weight": 2.5, "Slots": 4, "ApiKey": "env:CHASQUI_TEST_KEY",
                  "Allow": ["llama*"], "Deny": ["*-test", "x"], "Timeouts": { "Connect": "1s", "FirstToken": "1h", "BetweenTokens": "2s", "Total": 90 } },
                { "Url": "unix:/run/Chasqui.sock", "Timeouts": {} },
                { "Url": "https://[::1]:8443/base" },
              ],
              "Engine": { "Enabled": false },
              "Models": {
                "Aliases": [{ "Name": "gpt-4o", "Model": "llama3.3:70b" }, { "Name": "a", "Model": "b" }],
                "Allow": ["*"], "Deny": ["q*"],
                "Policies": [
                  { "Models": ["llama*", "mini"], "NumCtx": "clamp 2048 32768", "NumBatch": "STRIP", "KeepAlive": "clamp 1m -1" },
                  { "NumCtx": "bucket 8192 4096 4096", "KeepAlive": "keep" } ] },
              "Routing": { "RefreshInterval": "1m", "MaxAttempts": 1, "RetryBudget": 0, "FailureThreshold": 9, "BreakerPause": "2s", "RampUp": 0,
                "CanaryAfter": "0s", "CanaryTimeout": "3s", "HedgeAfter": "10ms", "PrefixAffinity": false, "KeepAliveInterval": "4s" }
            }
            """);

        Assert.Equal(["gpu1", "chasqui.sock", "--1-8443"], options.Nodes!.Select(node => node.Name));
        var node = options.Nodes![0];
        Assert.Equal(("http://10.0.0.5:11434", NodeKind.Ollama, 2.5, 4, "secret"), (node.Url, node.Kind, node.Weight, node.Slots, node.ApiKey));
        Assert.Equal(["llama*"], node.Allow);
        Assert.Equal(["*-test", "x"], node.Deny);
        Assert.Equal(new NodeTimeouts { Connect = Seconds(1), FirstToken = Seconds(3600), BetweenTokens = Seconds(2), Total = Seconds(90) }, node.Timeouts);
        Assert.Equal(new NodeTimeouts(), options.Nodes![1].Timeouts);
        Assert.False(options.EngineEnabled);
        Assert.Equal("llama3.3:70b", options.Catalogue.Aliases["gpt-4o"]);
        Assert.Equal((2, "*", "q*"), (options.Catalogue.Aliases.Count, options.Catalogue.Allow[0], options.Catalogue.Deny[0]));
        Assert.Equal(["llama*", "mini"], options.Policies[0].Models);
        Assert.Equal([2048, 32768], options.Policies[0].NumCtx.Values);
        Assert.Equal(OptionTreatment.Strip, options.Policies[0].NumBatch.Treatment);
        Assert.Equal([60, -1], options.Policies[0].KeepAlive.Values);
        Assert.Equal(["*"], options.Policies[1].Models);
        Assert.Equal([4096, 8192], options.Policies[1].NumCtx.Values);
        Assert.Equal(
            new RoutingOptions
            {
                RefreshInterval = Seconds(60),
                MaxAttempts = 1,
                RetryBudget = 0,
                FailureThreshold = 9,
                BreakerPause = Seconds(2),
                RampUp = Seconds(0),
                CanaryAfter = Seconds(0),
                CanaryTimeout = Seconds(3),
                HedgeAfter = Seconds(0.01),
                PrefixAffinity = false,
                KeepAliveInterval = Seconds(4),
            },
            options.Routing);
    }

    /// <summary>People copy the base URL that they give to a client.</summary>
    [Theory]
    [InlineData("http://a:8000/v1", "auto", "http://a:8000")]
    [InlineData("http://a:8000/v1/", "openai", "http://a:8000")]
    [InlineData("https://a/proxy/v1//", "auto", "https://a/proxy")]
    [InlineData("https://a/api/v1", "openai", "https://a/api")]
    [InlineData("https://a/api/v1", "auto", "https://a/api")]
    [InlineData("http://a:11434/api", "auto", "http://a:11434")]
    [InlineData("http://a:11434/api/", "ollama", "http://a:11434")]
    [InlineData("https://a/api", "openai", "https://a/api")]
    [InlineData("http://a:8000/v10", "auto", "http://a:8000/v10")]
    [InlineData("ws://a:8000/v1", "auto", "ws://a:8000/v1")]
    [InlineData("unix:/run/v1", "auto", "unix:/run/v1")]
    public void The_path_of_an_API_at_the_end_of_a_URL_is_understood(string url, string kind, string expected)
    {
        var node = Assert.Single(Read($$"""{ "Nodes": [ { "Name": "n", "Kind": "{{kind}}", "Url": "{{url}}" } ] }""").Nodes!);

        Assert.Equal(("n", expected), (node.Name, node.Url));
    }

    [Fact]
    public void No_nodes_is_something_else_than_nothing_said_of_nodes()
    {
        Assert.Null(Read("{}").Nodes);
        Assert.Empty(Read("""{ "Nodes": [] }""").Nodes!);
    }

    [Fact]
    public void The_environment_and_the_command_line_set_nodes_too_and_replace_those_of_the_file()
    {
        var file = Write("""{ "Nodes": [ { "Url": "http://a:1", "Weight": 3 }, { "Url": "http://b:1" } ] }""");
        var environment = new ConfigurationSource("the environment", _folder, new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase)
        {
            ["Nodes:10:Url"] = "http://d:1",
            ["nodes:2:url"] = "http://c:1",
            ["Nodes:2:Allow"] = "x;y",
        });

        var nodes = GatewayConfiguration.Read([file, environment]).Nodes!;
        Assert.Equal(["c-1", "d-1"], nodes.Select(node => node.Name));
        Assert.Equal(["x", "y"], nodes[0].Allow);
        Assert.Equal(1, nodes[0].Weight);

        nodes = GatewayConfiguration.Read([file, environment, ConfigurationSource.CommandLine(new Dictionary<string, string?> { ["Nodes:0:Url"] = "http://e:1" })]).Nodes!;
        Assert.Equal("e-1", Assert.Single(nodes).Name);
    }

    [Theory]
    [InlineData("{ \"Nodes\": [\n { \"Url\": \"http://a:1\",\n \"Weigth\": 2 } ] }", "line 3: \"Nodes:0:Weigth\" is unknown; the nearest is \"Weight\"")]
    [InlineData("{ \"Nodes\": [\n { \"Url\": \"http://a:1\",\n \"Timeouts\": { \"Conect\": 2 } } ] }", "line 3: \"Nodes:0:Timeouts:Conect\" is unknown; the nearest is \"Timeouts:Connect\"")]
    [InlineData("{ \"Nodes\": [\n { \"Name\": \"a\" } ] }", "line 2: \"Nodes:0:Url\" is missing; it must be http://")]
    [InlineData("{ \"Nodes\": [\n { \"Url\": \"10.0.0.5:11434\" } ] }", "line 2: \"Nodes:0:Url\" is \"10.0.0.5:11434\", but must be http://HOST:PORT")]
    [InlineData("{ \"Nodes\": [ { \"Url\": \"http://jane:secret@h:1\" } ] }", "line 1: \"Nodes:0:Url\" is \"http://…@h:1\", but must be")]
    [InlineData("{ \"Nodes\": [ { \"Url\": \"ftp://h:1\" } ] }", "line 1: \"Nodes:0:Url\" is \"ftp://h:1\", but must be")]
    [InlineData("{ \"Nodes\": [ { \"Url\": \"tcp://h\" } ] }", "line 1: \"Nodes:0:Url\" is \"tcp://h\", but must be")]
    [InlineData("{ \"Nodes\": [\n { \"Url\": \"http://a:1\" },\n { \"Url\": \"http://a:1/x\" } ] }", "line 3: \"Nodes:1:Name\" is \"a-1\", as that of \"Nodes:0\"; names must differ")]
    [InlineData("{ \"Nodes\": [ { \"Url\": \"http://a:1\", \"Name\": \"local\" } ] }", "line 1: \"Nodes:0:Name\" is \"local\", but must be 1 to 64 of a-z, 0-9, ., _ and -, other than local")]
    [InlineData("{ \"Nodes\": [ { \"Url\": \"http://a:1\", \"Name\": \"GPU\" } ] }", "line 1: \"Nodes:0:Name\" is \"GPU\", but must be")]
    [InlineData("{ \"Nodes\": [ { \"Url\": \"http://a:1\", \"Kind\": \"vllm\" } ] }", "line 1: \"Nodes:0:Kind\" is \"vllm\", but must be auto, ollama, openai or chasqui")]
    [InlineData("{ \"Nodes\": [ { \"Url\": \"tcp://a:1\", \"Kind\": \"ollama\" } ] }", "line 1: \"Nodes:0:Kind\" must be chasqui or auto where the URL is tcp://a:1")]
    [InlineData("{ \"Nodes\": [ { \"Url\": \"http://a:1\", \"Weight\": 0 } ] }", "line 1: \"Nodes:0:Weight\" is \"0\", but must be a number from 0.01 to 100")]
    [InlineData("{ \"Nodes\": [ { \"Url\": \"http://a:1\", \"Slots\": 0.5 } ] }", "line 1: \"Nodes:0:Slots\" is \"0.5\", but must be a whole number from 1 to 10000")]
    [InlineData("{ \"Nodes\": [ { \"Url\": \"http://a:1\", \"ApiKey\": \"two words\" } ] }", "line 1: \"Nodes:0:ApiKey\" must be a key of visible ASCII characters, or env:NAME")]
    [InlineData("{ \"Nodes\": [ { \"Url\": \"http://a:1\", \"ApiKey\": \"env:CHASQUI_NOT_SET\" } ] }", "line 1: \"Nodes:0:ApiKey\" names an environment variable, and CHASQUI_NOT_SET is not set; set it before the gateway starts")]
    [InlineData("{ \"Nodes\": [ { \"Url\": \"http://a:1\",\n \"ApiKey\": \"env:\" } ] }", "line 2: \"Nodes:0:ApiKey\" is \"env:\" without the name of an environment variable")]
    [InlineData("{ \"Nodes\": [ { \"Url\": \"http://a:1\", \"Timeouts\": { \"Total\": \"8d\" } } ] }", "line 1: \"Nodes:0:Timeouts:Total\" is \"8d\", but must be a duration from 100ms to 168h")]
    [InlineData("{ \"Nodes\": [ { \"Url\": \"http://a:1\", \"Allow\": [\n\"a\",\n\"\" ] } ] }", "line 3: \"Nodes:0:Allow\" is \"\", but must be a pattern of models' names")]
    [InlineData("{ \"Nodes\": [ \"http://a:1\" ] }", "line 1: \"Nodes:0\" is \"http://a:1\", but must be an object with Url, Name, Kind,")]
    [InlineData("{ \"Nodes\": \"http://a:1\" }", "line 1: \"Nodes\" is \"http://a:1\", but must be a list of objects with Url, Name, Kind,")]
    [InlineData("{ \"Nodes\": {\n \"gpu1\": { \"Url\": \"http://a:1\" } } }", "line 2: \"Nodes:gpu1:Url\" is unknown; \"Nodes\" is a list of objects with Url,")]
    [InlineData("{ \"Node\": [ { \"Url\": \"http://a:1\" } ] }", "line 1: \"Node:0:Url\" is unknown; the nearest is \"Nodes\"")]
    [InlineData("{ \"Models\": { \"Aliases\": [ { \"Name\": \"a\", \"Model\": \"a:latest\" } ] } }", "line 1: \"Models:Aliases:0:Model\" is \"a:latest\", the alias itself; it must be another name")]
    [InlineData("{ \"Models\": { \"Aliases\": [ { \"Name\": \"a\", \"Model\": \"b\" },\n { \"Name\": \"A:latest\", \"Model\": \"c\" } ] } }", "line 2: \"Models:Aliases:1:Name\" is \"A:latest\", as that of \"Models:Aliases:0\"; names must differ")]
    [InlineData("{ \"Models\": { \"Policies\": [ { \"NumCtx\": \"clamp 9 3\" } ] } }", "line 1: \"Models:Policies:0:NumCtx\" is \"clamp 9 3\", but must be keep, strip, clamp LOW HIGH or bucket A B C …")]
    [InlineData("{ \"Models\": { \"Policies\": [ { \"NumCtx\": \"clamp 1m 1h\" } ] } }", "line 1: \"Models:Policies:0:NumCtx\" is \"clamp 1m 1h\", but must be")]
    [InlineData("{ \"Models\": { \"Policies\": [ { \"NumBatch\": \"bucket\" } ] } }", "line 1: \"Models:Policies:0:NumBatch\" is \"bucket\", but must be")]
    [InlineData("{ \"Models\": { \"Policies\": [ { \"KeepAlive\": \"clamp -1 5m\" } ] } }", "line 1: \"Models:Policies:0:KeepAlive\" is \"clamp -1 5m\", but must be")]
    [InlineData("{ \"Models\": { \"Policies\": [ { \"Models\": [] } ] } }", "line 1: \"Models:Policies:0:Models\" is \"\", but must be a pattern")]
    [InlineData("{ \"Routing\": { \"RefreshIntervall\": \"2s\" } }", "line 1: \"Routing:RefreshIntervall\" is unknown; the nearest is \"Routing:RefreshInterval\"")]
    [InlineData("{ \"Routing\": {\n \"CanaryAfter\": \"10ms\" } }", "line 2: \"Routing:CanaryAfter\" is \"10ms\", but must be a duration from 1s to 24h, or 0 for never")]
    [InlineData("{ \"Engine\": { \"Enabled\": \"no\" } }", "line 1: \"Engine:Enabled\" is \"no\", but must be true or false")]
    public void A_wrong_key_or_value_is_named_with_its_line(string json, string message)
    {
        var error = Assert.Throws<ConfigurationException>(() => Read(json));
        Assert.StartsWith("chasqui.json " + message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://10.0.0.5:11434", "10.0.0.5-11434")]
    [InlineData("https://GPU.example.org/v1", "gpu.example.org-443")]
    [InlineData("unix:/run/a b.sock", "a-b.sock")]
    [InlineData("unix:local", "node")]
    public void A_node_without_a_name_has_that_of_its_address(string url, string name) => Assert.Equal(name, NodeTable.NameOf(url));

    private static TimeSpan Seconds(double count) => TimeSpan.FromSeconds(count);

    private GatewayOptions Read(string json) => GatewayConfiguration.Read([Write(json)]);

    private ConfigurationSource Write(string json)
    {
        var path = Path.Combine(_folder, "chasqui.json");
        File.WriteAllText(path, json);
        return ConfigurationSource.File(path);
    }
}
