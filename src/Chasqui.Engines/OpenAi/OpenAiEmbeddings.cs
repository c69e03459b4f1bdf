using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Text.Json;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.OpenAi;

/// <summary>Answers of <c>/v1/embeddings</c>.</summary>
internal static class OpenAiEmbeddings
{
    /// <summary>Reads the vectors in the order of the texts.</summary>
    /// <param name="json">The answer; each vector is an array, or little-endian floats in base64.</param>
    /// <param name="request">What was asked. Its dimensions are cut here, because most servers pass over them in silence.</param>
    public static EmbedResult Read(JsonElement json, EmbedRequest request)
    {
        var vectors = new float[request.Count][];
        var position = 0;
        foreach (var item in json.GetProperty("data").EnumerateArray())
        {
            var index = item.Get("index")?.GetInt32() ?? position;
            position++;
            if (index < 0 || index >= vectors.Length || vectors[index] is not null)
                throw new FormatException($"{vectors.Length} texts were asked for, and a vector has index {index}");
            vectors[index] = Cut(Vector(item.GetProperty("embedding")), request);
        }
        if (position != vectors.Length)
            throw new FormatException($"{vectors.Length} texts were asked for, and {position} vectors came");
        return new EmbedResult { Vectors = vectors, PromptTokens = json.Get("usage")?.Count("prompt_tokens") ?? 0 };
    }

    private static float[] Vector(JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.Array)
            return [.. json.EnumerateArray().Select(x => x.GetSingle())];
        var bytes = json.GetBytesFromBase64();
        if (bytes.Length == 0 || bytes.Length % sizeof(float) != 0)
            throw new FormatException($"a vector has {bytes.Length} bytes");
        var vector = new float[bytes.Length / sizeof(float)];
        for (var i = 0; i < vector.Length; i++)
            vector[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(i * sizeof(float)));
        return vector;
    }

    private static float[] Cut(float[] vector, EmbedRequest request)
    {
        if (request.Dimensions is not > 0 || request.Dimensions >= vector.Length)
            return vector;
        var cut = vector[..request.Dimensions.Value];
        var length = TensorPrimitives.Norm(cut);
        if (request.Normalize && length > 0)
            TensorPrimitives.Divide(cut, length, cut);
        return cut;
    }
}
