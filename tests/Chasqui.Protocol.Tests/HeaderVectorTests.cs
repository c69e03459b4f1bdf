using System.Text.Json;
using Chasqui.Protocol.Headers;

namespace Chasqui.Protocol.Tests;

/// <summary>docs/protocol/headers.json and static-table.json.</summary>
public sealed class HeaderVectorTests
{
    private static readonly JsonElement[] _all = [.. Repository.Vectors("headers.json").GetProperty("sequences").EnumerateArray()];

    public static TheoryData<string> Names() => [.. _all.Select(v => v.GetProperty("name").GetString()!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Blocks_say_what_the_vector_says(string name)
    {
        var decoder = new HeaderDecoder();
        foreach (var block in _all.Single(v => v.GetProperty("name").GetString() == name).GetProperty("blocks").EnumerateArray())
        {
            var bytes = Convert.FromHexString(block.GetProperty("hex").GetString()!);
            var list = new HeaderList();
            if (block.TryGetProperty("error", out var error))
            {
                Assert.Equal(Repository.Code(error.GetString()!), Assert.Throws<ProtocolException>(() => decoder.Decode(bytes, list)).Code);
                continue;
            }

            Assert.True(decoder.Decode(bytes, list));
            Assert.Equal(block.GetProperty("fields").EnumerateArray().Select(f => (f[0].GetString()!, f[1].GetString()!)), list.Select(f => (f.Name, f.Value)));
            Assert.Equal(block.TryGetProperty("sensitive", out var secret) ? secret.GetArrayLength() : 0, list.Count(f => f.Sensitive));
        }
    }

    [Fact]
    public void The_static_table_is_the_published_one()
    {
        var entries = Repository.Vectors("static-table.json").GetProperty("entries").EnumerateArray().Select(e => (e[0].GetString()!, e[1].GetString()!));
        var table = StaticTable.Default;
        Assert.Equal(entries, Enumerable.Range(1, table.Count).Select(i => (table[i].Name, table[i].Value)));
    }
}
