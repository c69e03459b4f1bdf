namespace Chasqui.Server.Tests;

public sealed class TelemetryConfigurationTests
{
    [Fact]
    public void The_keys_of_the_section_are_read()
    {
        var options = Read(("Telemetry:Prometheus", "False"), ("Telemetry:OtlpEndpoint", "http://collector:4317"), ("Telemetry:TraceSampling", "0.25"),
            ("Telemetry:LogPrompts", "true"), ("Telemetry:LogFormat", "json"));

        Assert.Equal(new TelemetryOptions { Prometheus = false, OtlpEndpoint = new Uri("http://collector:4317"), TraceSampling = 0.25, LogPrompts = true, LogFormat = LogFormat.Json }, options.Telemetry);
        Assert.Equal(new TelemetryOptions(), Read().Telemetry);
        Assert.Null(Read(("Telemetry:OtlpEndpoint", "")).Telemetry.OtlpEndpoint);
    }

    [Theory]
    [InlineData("Telemetry:Prometheus", "yes", "true or false")]
    [InlineData("Telemetry:OtlpEndpoint", "collector:4317", "an address such as")]
    [InlineData("Telemetry:OtlpEndpoint", "ftp://collector", "an address such as")]
    [InlineData("Telemetry:TraceSampling", "1.5", "from 0 to 1")]
    [InlineData("Telemetry:TraceSampling", "NaN", "from 0 to 1")]
    [InlineData("Telemetry:LogFormat", "xml", "text or json")]
    public void A_wrong_value_is_refused_with_what_would_be_right(string key, string value, string said)
    {
        var error = Assert.Throws<ConfigurationException>(() => Read((key, value)));

        Assert.Contains(key, error.Message);
        Assert.Contains(said, error.Message);
    }

    [Fact]
    public void The_defaults_that_are_told_are_those_that_hold()
    {
        foreach (var key in ConfigurationKey.All.Where(key => key.Name.StartsWith("Telemetry:", StringComparison.Ordinal) && !key.Default.StartsWith('`')))
            Assert.Equal(new TelemetryOptions(), key.Apply(new GatewayOptions(), [key.Default])!.Telemetry);
    }

    private static GatewayOptions Read(params (string Key, string Value)[] entries) =>
        GatewayConfiguration.Read([ConfigurationSource.CommandLine(entries.ToDictionary(entry => entry.Key, entry => (string?)entry.Value))]);
}
