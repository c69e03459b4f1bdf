using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Chasqui.Server.Tests.Nodes;

namespace Chasqui.Server.Tests.Dispatch;

/// <summary>Vectors in base64 of nodes that pass over the wish for it.</summary>
// A member that is not known here keeps a request from going with those of others.
public sealed class EncodedVectorsTests
{
    private const string Arrays = """
        {"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1e-3, 2]},
         {"embedding":[ 1 , 0.25,3],"index":1,"meta":{"embedding":[9]}}],"model":"é","usage":{"prompt_tokens":7,"total_tokens":7}}
        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("\"a\"", 1)]
    [InlineData("[1,2,3]", 7)]
    [InlineData("[[1,2],[3]]", 10_000)]
    public async Task Arrays_become_base64_wherever_the_answer_is_cut(string input, int cut)
    {
        var parts = Encoding.UTF8.GetBytes(Arrays).Chunk(cut).ToArray();
        await using var gateway = await PassingNode.StartAsync(new PassingNode(_ => new PassingAnswer("application/json; charset=utf-8") { Bytes = parts }));

        using var response = await gateway.PostAsync("/v1/embeddings", $$"""{"model":"mini","extra":1,"input":{{input}},"encoding_format":"base64"}""");

        var body = await response.Content.ReadAsByteArrayAsync(Token);
        Assert.Equal(body.Length, response.Content.Headers.ContentLength);
        var answer = JsonElement.Parse(body);
        Assert.Equal([0.5f, -1e-3f, 2], Numbers(answer.GetProperty("data")[0]));
        Assert.Equal([1, 0.25f, 3], Numbers(answer.GetProperty("data")[1]));
        Assert.Equal("[9]", answer.GetProperty("data")[1].GetProperty("meta").GetProperty("embedding").GetRawText());
        Assert.Equal(("é", 7), (answer.GetProperty("model").GetString(), answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32()));
    }

    [Theory]
    [InlineData("""{"model":"mini","extra":1,"input":"a"}""", Arrays)]
    [InlineData("""{"model":"mini","extra":1,"input":"a","encoding_format":"float"}""", Arrays)]
    [InlineData("""{"model":"mini","extra":1,"input":"a","encoding_format":"base64"}""", """{"data":[{"embedding":"AAAAPw=="}]}""")]
    [InlineData("""{"model":"mini","extra":1,"input":"a","encoding_format":"base64"}""", """{"data":[{"embedding":["x"]}]}""")]
    [InlineData("""{"model":"mini","extra":1,"input":"a","encoding_format":"base64"}""", """{"data":[]}""")]
    [InlineData("""{"model":"mini","extra":1,"input":"a","encoding_format":"base64"}""", """{"error":"no"}""")]
    public async Task Anything_else_passes_as_it_is(string body, string answer)
    {
        await using var gateway = await PassingNode.StartAsync(new PassingNode(_ => new PassingAnswer("application/json") { Parts = [answer[..9], answer[9..]], ContentLength = Encoding.UTF8.GetByteCount(answer) }));

        using var response = await gateway.PostAsync("/v1/embeddings", body);

        Assert.Equal(answer, await response.Content.ReadAsStringAsync(Token));
    }

    private static float[] Numbers(JsonElement item)
    {
        var bytes = item.GetProperty("embedding").GetBytesFromBase64();
        return [.. bytes.Chunk(sizeof(float)).Select(four => BinaryPrimitives.ReadSingleLittleEndian(four))];
    }
}
