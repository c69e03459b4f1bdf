using System.Buffers.Binary;
using System.Text.Json;
using Chasqui.Gateway;
using Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests;

/// <summary>Token ids in the place of texts, on the embedded engine: over HTTP in both encodings, and over MCP.</summary>
public sealed class TokenIdEmbeddingsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(EngineProcess.Worker)]
    [InlineData(EngineProcess.Gateway)]
    public async Task They_have_the_vectors_of_their_texts(EngineProcess process)
    {
        await using var gateway = await RunningGateway.StartAsync(process, options => options with { Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] } });
        var tokens = await gateway.Engine.TokenizeAsync(new Chasqui.TokenizeRequest { Model = "mini", Text = "A cat.", AddSpecial = true, ParseSpecial = true }, Token);
        var ids = $"[{string.Join(',', tokens)}]";

        var text = await VectorsAsync(gateway, "\"A cat.\"");
        var one = await VectorsAsync(gateway, ids);
        var two = await VectorsAsync(gateway, $"[{ids},[5]]");
        await using var client = new Client.ChasquiClient(Assert.Single(GatewayHost.WireAddresses(gateway.App)));
        var request = new Chasqui.Protocol.Messages.EmbedRequest { Model = "mini", TokenInputs = { new TokenIds { Ids = { tokens } } } };
        var wire = await client.EmbedAsync(request, cancellationToken: Token);

        AssertAlike(Assert.Single(text), Assert.Single(one));
        AssertAlike(text[0], two[0]);
        Assert.Equal(2, two.Count);
        AssertAlike(text[0], [.. Assert.Single(wire.Vectors).Values]);
    }

    [Fact]
    public async Task Those_that_the_model_does_not_have_are_refused_by_name()
    {
        await using var gateway = await RunningGateway.StartAsync(options => options with { Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] } });

        using var response = await gateway.PostAsync("/v1/embeddings", """{"model":"mini","input":[1,70000]}""");

        Assert.Equal(400, (int)response.StatusCode);
        Assert.Contains("an input holds the token 70000, but this model's tokens are 0 to 1023", await response.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    private static async Task<List<float[]>> VectorsAsync(RunningGateway gateway, string input)
    {
        using var floats = await gateway.PostAsync("/v1/embeddings", $$"""{"model":"mini","input":{{input}}}""");
        using var base64 = await gateway.PostAsync("/v1/embeddings", $$"""{"model":"mini","input":{{input}},"encoding_format":"base64"}""");
        var text = await floats.Content.ReadAsStringAsync(Token);
        Assert.True(floats.IsSuccessStatusCode, text);
        var plain = Vectors(text, item => [.. item.EnumerateArray().Select(number => number.GetSingle())]);
        var packed = Vectors(await base64.Content.ReadAsStringAsync(Token), item => [.. item.GetBytesFromBase64().Chunk(sizeof(float)).Select(four => BinaryPrimitives.ReadSingleLittleEndian(four))]);
        for (var i = 0; i < plain.Count; i++)
            AssertAlike(plain[i], packed[i]);
        return plain;
    }

    private static List<float[]> Vectors(string json, Func<JsonElement, float[]> read) =>
        [.. JsonElement.Parse(json).GetProperty("data").EnumerateArray().Select(item => read(item.GetProperty("embedding")))];

    // How rows are rounded depends a little on the batch.
    private static void AssertAlike(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 2e-3f);
    }
}
